import { type Aspect, aspectsNamed } from './aspects.ts';
import { GuardFileError, GuardText, type Path } from './mistakes.ts';
import { type GuardFile, guardSchema, type MayDiffer, type WantedDomain } from './schema.ts';
import { eachOnce, type GuardedWorkload, workloadsOf } from './workloads.ts';

/** A domain of one environment. */
export interface GuardedDomain {
  environment: string;
  domain: string;
  wanted: WantedDomain;
  /** The domain of the reference environment that it is compared with; null: it is compared with none. */
  like: string | null;
  /** What may differ from that: all values of an aspect (null), or these. */
  mayDiffer: ReadonlyMap<Aspect, readonly string[] | null>;
  /** Those that send as it. */
  workloads: readonly GuardedWorkload[];
}

export interface GuardedEnvironment {
  name: string;
  /** The clusters that it runs in; empty: the file does not say. */
  clusters: readonly string[];
  domains: readonly GuardedDomain[];
  /** All workloads, each once. */
  workloads: readonly GuardedWorkload[];
}

/** What mail-guard.yaml declares. */
export interface Guard {
  /** The environment that the others are compared with. */
  reference: string;
  environments: readonly GuardedEnvironment[];
}

/** Characters of a file that are read. */
const MOST_LENGTH = 1024 * 1024;

/**
 * Reads mail-guard.yaml.
 * @throws GuardFileError that lists every mistake
 */
export function readGuard(text: string): Guard {
  if (text.length > MOST_LENGTH) throw new GuardFileError(['The file is larger than 1 MiB.']);
  const read = new GuardText(text);
  if (read.data == null)
    throw new GuardFileError(['The file is empty: it begins with "version: 1" and "environments:" (docs/guard.md).']);
  const parsed = guardSchema.safeParse(read.data);
  if (!parsed.success) throw new GuardFileError(read.issues(parsed.error));
  const mistakes: string[] = [];
  const guard = guardOf(parsed.data, (path, said) => mistakes.push(read.mistake(path, said)));
  if (mistakes.length > 0) throw new GuardFileError(mistakes);
  return guard;
}

type Mistake = (path: Path, said: string) => void;

function guardOf(file: GuardFile, mistake: Mistake): Guard {
  const names = Object.keys(file.environments);
  const reference = file.reference ?? (names.includes('production') ? 'production' : names[0]!);
  if (!names.includes(reference)) mistake(['reference'], `names "${reference}", which is no environment of the file`);
  const references = Object.keys(file.environments[reference]?.domains ?? {});
  const environments = Object.entries(file.environments).map(([name, environment]): GuardedEnvironment => {
    const workloads = workloadsOf({ name, environment, mistake });
    const domains = Object.entries(environment.domains).map(([domain, wanted]): GuardedDomain => {
      const at = ['environments', name, 'domains', domain];
      const like = name === reference ? null : likeOf(domain, wanted, references, { at, reference, mistake });
      if (name === reference && wanted.like != null)
        mistake([...at, 'like'], `${reference} is the environment that others are compared with, so remove it`);
      checkRecords(domain, wanted, at, mistake);
      return {
        environment: name,
        domain,
        wanted,
        like,
        mayDiffer: allowed([...environment.may_differ, ...wanted.may_differ]),
        workloads: workloads.filter(({ sends_as }) => sends_as.includes(domain)),
      };
    });
    return { name, clusters: environment.clusters, domains, workloads: eachOnce(workloads) };
  });
  return { reference, environments };
}

/** Without `like`: the domain of the same name, or the only one. */
function likeOf(
  domain: string,
  { like }: WantedDomain,
  references: readonly string[],
  { at, reference, mistake }: { at: Path; reference: string; mistake: Mistake },
): string | null {
  if (like === null) return null;
  if (like === undefined) return references.includes(domain) ? domain : references.length === 1 ? references[0]! : null;
  if (!references.includes(like)) mistake([...at, 'like'], `${reference} has no domain ${like}`);
  return like;
}

function checkRecords(domain: string, { records }: WantedDomain, at: Path, mistake: Mistake): void {
  for (const name of Object.keys(records))
    if (name !== '@' && !/^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name))
      mistake([...at, 'records'], `"${name}" must be "@" or a name below ${domain}, in lower case`);
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
