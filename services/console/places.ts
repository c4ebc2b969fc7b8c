import type { AnyRoute } from './routes.ts';

/** The parts of the path of an address, as they are written in it. */
const partsOf = (url: string): string[] => url.split('?')[0]!.split('/');

/** Whether a route answers at a path, whatever its parameters are. */
function fits(route: AnyRoute, parts: readonly string[]): boolean {
  const own = route.path.split('/');
  return own.length === parts.length && own.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i]));
}

/**
 * The methods with which the API answers at an address; empty where it has none there.
 * @param url path and query
 */
export function allowedFor(routes: readonly AnyRoute[], url: string): string[] {
  const parts = partsOf(url);
  return [...new Set(routes.filter((one) => one.path.startsWith('/api/') && fits(one, parts)).map(({ method }) => method))];
}

/** The page of a path, and the parameters in it. */
export function pageAt(routes: readonly AnyRoute[], path: string): { route: AnyRoute; params: Record<string, string> } | null {
  const parts = partsOf(path);
  const route = routes.find((one) => one.method === 'GET' && one.kind === 'page' && fits(one, parts));
  if (route === undefined) return null;
  const names = route.path.split('/');
  const params = names.flatMap((name, i) => (name.startsWith(':') ? [[name.slice(1), decoded(parts[i]!)]] : []));
  return { route, params: Object.fromEntries(params) };
}

/**
 * The page to which the address of a form leads whoever asks for it by GET, such as after a reload: the
 * nearest one above it. Null where no form is sent to the address.
 * @param url path and query
 */
export function pageOfForm(routes: readonly AnyRoute[], url: string): string | null {
  const parts = partsOf(url);
  if (!routes.some((one) => one.method === 'POST' && one.kind === 'page' && fits(one, parts))) return null;
  for (let length = parts.length - 1; length > 1; length--) {
    const above = parts.slice(0, length).join('/');
    if (pageAt(routes, above) !== null) return above;
  }
  return '/';
}

/** A part of a path; as it stands where it is not what an address may have. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
