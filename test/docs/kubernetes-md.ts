import { readDocument, sections } from './markdown.ts';

const all = sections(readDocument('kubernetes.md'));

/** A section of docs/kubernetes.md. @throws Error when it has none of that title */
export function part(title: string): string {
  const found = all.find((one) => one.title === title);
  if (!found) throw new Error(`docs/kubernetes.md has no section "${title}"`);
  return found.text;
}

/** The blocks of the shell in its numbered steps. */
export const steps = all
  .filter(({ title }) => /^\d\. /.test(title))
  .map(({ title, text }) => ({ title, blocks: [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block!) }));
