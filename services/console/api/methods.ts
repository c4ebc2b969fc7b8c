import type { AnyRoute } from '../routes.ts';

/**
 * The methods with which the API answers at an address; empty where it has none there.
 * @param url path and query
 */
export function allowedFor(routes: readonly AnyRoute[], url: string): string[] {
  const asked = (url.split('?')[0] ?? '').split('/');
  const fits = ({ path }: AnyRoute) => {
    const own = path.split('/');
    return own.length === asked.length && own.every((part, i) => (part.startsWith(':') ? asked[i] !== '' : part === asked[i]));
  };
  return [...new Set(routes.filter((route) => route.path.startsWith('/api/') && fits(route)).map(({ method }) => method))];
}
