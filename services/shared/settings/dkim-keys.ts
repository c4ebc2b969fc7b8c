import path from 'node:path';
import { z } from 'zod';

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

const keySchema = z
  .strictObject({
    domain: z.string().regex(NAME, 'must be a domain in lower case, such as example.com'),
    /** How the private keys lie, and what says which one signs (docs/changes.md). */
    layout: z.enum(['opendkim', 'rspamd', 'command']),
    /** Of opendkim and rspamd. */
    folder: z.string().min(1).optional(),
    /** Of command: makes keys and switches between them; it gets JSON. */
    command: z.array(z.string().min(1)).min(1).optional(),
    /** A program that is run after the switch, so that the signer reads its tables again. */
    reload: z.array(z.string().min(1)).min(1).optional(),
    /** What selectors begin with. */
    prefix: z
      .string()
      .regex(/^[a-z][a-z0-9]{0,20}$/, 'must be letters and digits in lower case')
      .default('r'),
    bits: z.union([z.literal(2048), z.literal(3072), z.literal(4096)]).default(2048),
    /** Days between two rotations; without it, keys are rotated when somebody asks. */
    rotate_every_days: z.int().min(14).max(1000).optional(),
  })
  .superRefine(({ layout, folder, command }, ctx) => {
    if (layout === 'command' && command === undefined)
      ctx.addIssue({ code: 'custom', message: 'has the layout command: set command' });
    if (layout !== 'command' && folder === undefined)
      ctx.addIssue({ code: 'custom', message: `has the layout ${layout}: set folder, where its keys are` });
  });

/** `dkim:` of ruawatch.yaml: the keys that are rotated. */
export const dkimSchema = z.array(keySchema).max(1000).default([]);

/** A domain whose DKIM key is rotated. */
export interface DkimKey {
  domain: string;
  layout: 'opendkim' | 'rspamd' | 'command';
  /** Absolute; null with the layout `command`. */
  folder: string | null;
  command: readonly string[] | null;
  reload: readonly string[] | null;
  prefix: string;
  bits: number;
  rotateEveryDays: number | null;
}

/** @param mistakes gets a line for each entry that cannot work */
export function dkimKeys(given: z.infer<typeof dkimSchema>, cwd: string, mistakes: string[]): DkimKey[] {
  const domains = new Set<string>();
  return given.map(({ domain, layout, folder, command, reload, prefix, bits, rotate_every_days }, at) => {
    if (domains.has(domain)) mistakes.push(`dkim[${at}]: ${domain} is there twice: keep one entry.`);
    domains.add(domain);
    const program = (words: string[] | undefined) =>
      words === undefined ? null : [words[0]!.includes('/') ? path.resolve(cwd, words[0]!) : words[0]!, ...words.slice(1)];
    return {
      domain,
      layout,
      folder: folder === undefined || layout === 'command' ? null : path.resolve(cwd, folder),
      command: program(command),
      reload: program(reload),
      prefix,
      bits,
      rotateEveryDays: rotate_every_days ?? null,
    };
  });
}
