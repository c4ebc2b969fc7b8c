import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Address, path, withQuery } from './html.ts';
import { type AnyRoute, route } from './routes.ts';

/** The files that pages load, and their types: all are ours. */
const FILES = {
  'console.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  'passkeys.js': 'text/javascript; charset=utf-8',
} as const;
type Name = keyof typeof FILES;

const read = (name: Name) => {
  const content = readFileSync(new URL(`./assets/${name}`, import.meta.url));
  return { content, version: createHash('sha256').update(content).digest('base64url').slice(0, 12) };
};
const loaded = Object.fromEntries(Object.keys(FILES).map((name) => [name, read(name as Name)])) as Record<
  Name,
  ReturnType<typeof read>
>;

/** The address of a file, which changes with its content: browsers keep it for good. */
export function assetPath(name: Name): Address {
  return withQuery(path`/assets/${name}`, { v: loaded[name].version });
}

export const ASSET_ROUTES: AnyRoute[] = Object.entries(FILES).map(([name, type]) =>
  route({
    method: 'GET',
    path: `/assets/${name}`,
    kind: 'file',
    least: 'everybody',
    scope: 'none',
    handle: () => ({ is: 'file', type, content: loaded[name as Name].content, keep: true }),
  }),
);
