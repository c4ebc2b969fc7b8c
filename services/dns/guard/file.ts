import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Aspect, aspectsNamed } from './aspects.ts';
import { type Egress, type GuardFile, guardSchema, type MayDiffer, type WantedDomain, type Workload } from './schema.ts';

/** A file that cannot be used; each mistake is a sentence. */
export class GuardFileError extends Error {
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join(' '));
    this.mistakes = mistakes;
  }
}

/** A domain of one environment. */
export interface GuardedDomain {
  environment: string;
  domain: string;
  wanted: WantedDomain;
  /** The domain of the reference environment that it is compared with; null: it is compared with none. */
  like: string | null;
  /** What may differ from that: all values of an aspect (null), or these. */
  mayDiffer: ReadonlyMap<Aspect, readonly string[] | null>;
  /** The ways out of each workload are known: they are among the environment's. */
  workloads: readonly (Omit<Workload, 'egress'> & { egress: readonly (Egress & { name: string })[] })[];
}

/** What mail-guard.yaml declares. */
export interface Guard {
  /** The environment that the others are compared with. */
  reference: string;
  environments: readonly { name: string; domains: readonly GuardedDomain[] }[];
}

/** Characters of a file that are read. */
const MOST_LENGTH = 1024 * 1024;

/**
 * Reads mail-guard.yaml.
 * @throws GuardFileError that lists every mistake
 */
export function readGuard(text: string): Guard {
  if (text.length > MOST_LENGTH) throw new GuardFileError(['The file is larger than 1 MiB.']);
  const document = parseDocument(text, { merge: true });
  if (document.errors.length > 0)
    throw new GuardFileError(document.errors.map(({ message }) => `It is no YAML: ${firstLine(message)}.`));
  const data = plain(document);
  const read = guardSchema.safeParse(data);
  if (!read.success) throw new GuardFileError(read.error.issues.map(sentence));
  const mistakes: string[] = [];
  const guard = guardOf(read.data, mistakes);
  if (mistakes.length > 0) throw new GuardFileError(mistakes);
  return guard;
}

/** A document of nothing but aliases of aliases is refused by the reader of YAML. */
function plain(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new GuardFileError([`It is no YAML: ${firstLine(error instanceof Error ? error.message : String(error))}.`]);
  }
}

function guardOf(file: GuardFile, mistakes: string[]): Guard {
  const names = Object.keys(file.environments);
  const reference = file.reference ?? (names.includes('production') ? 'production' : names[0]!);
  if (!names.includes(reference)) mistakes.push(`reference is "${reference}", which is no environment of the file.`);
  const references = Object.keys(file.environments[reference]?.domains ?? {});
  return {
    reference,
    environments: Object.entries(file.environments).map(([name, environment]) => ({
      name,
      domains: Object.entries(environment.domains).map(([domain, wanted]) => {
        const at = `environments.${name}.domains.${domain}`;
        const like = name === reference ? null : likeOf(domain, wanted, references, { at, reference, mistakes });
        if (name === reference && wanted.like != null)
          mistakes.push(`${at}.like: ${reference} is the environment that others are compared with, so remove it.`);
        checkNames(domain, wanted, at, mistakes);
        return {
          environment: name,
          domain,
          wanted,
          like,
          mayDiffer: allowed([...environment.may_differ, ...wanted.may_differ]),
          workloads: wanted.workloads.map((workload) => ({
            ...workload,
            egress: workload.egress.flatMap((way) => {
              const found = environment.egress[way];
              if (found === undefined)
                mistakes.push(`${at}.workloads: "${workload.name}" names the egress "${way}", which ${name} does not have.`);
              return found === undefined ? [] : [{ name: way, ...found }];
            }),
          })),
        };
      }),
    })),
  };
}

/** Without `like`: the domain of the same name, or the only one. */
function likeOf(
  domain: string,
  { like }: WantedDomain,
  references: readonly string[],
  { at, reference, mistakes }: { at: string; reference: string; mistakes: string[] },
): string | null {
  if (like === null) return null;
  if (like === undefined) return references.includes(domain) ? domain : references.length === 1 ? references[0]! : null;
  if (!references.includes(like)) mistakes.push(`${at}.like: ${reference} has no domain ${like}.`);
  return like;
}

function checkNames(domain: string, { dkim, workloads, records }: WantedDomain, at: string, mistakes: string[]): void {
  const usable = Object.entries(dkim?.selectors ?? {}).flatMap(([name, { state }]) => (state === 'key' ? [name] : []));
  const seen = new Set<string>();
  for (const { name, selectors = [] } of workloads) {
    if (seen.has(name)) mistakes.push(`${at}.workloads: two are named "${name}".`);
    seen.add(name);
    for (const selector of selectors)
      if (!usable.includes(selector))
        mistakes.push(
          `${at}.workloads: "${name}" signs with the selector "${selector}", for which dkim.selectors of ${domain} has no key.`,
        );
  }
  for (const name of Object.keys(records))
    if (name !== '@' && !/^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name))
      mistakes.push(`${at}.records: "${name}" must be "@" or a name below ${domain}, in lower case.`);
}

function allowed(list: MayDiffer): Map<Aspect, readonly string[] | null> {
  const found = new Map<Aspect, readonly string[] | null>();
  for (const one of list)
    for (const [name, values] of typeof one === 'string' ? [[one, null] as const] : Object.entries(one))
      for (const aspect of aspectsNamed(name)) {
        const before = found.get(aspect);
        found.set(aspect, values === null || before === null ? null : [...(before ?? []), ...values]);
      }
  return found;
}

function sentence({ path, message }: z.core.$ZodIssue): string {
  const at = path.map(String).join('.');
  const said = firstLine(message);
  return `${at === '' ? 'The file' : at}: ${said.charAt(0).toLowerCase()}${said.slice(1)}.`;
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.replace(/[.:]+$/, '');
}
