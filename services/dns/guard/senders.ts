import type { Guard } from './file.ts';

/** A workload of mail-guard.yaml, and one domain that it may send as. */
export interface DeclaredSender {
  environment: string;
  workload: string;
  domain: string;
  /** The domain of its MAIL FROM. */
  envelope_from: string;
  /** It signs: a key of the domain is declared for it. */
  signs: boolean;
}

/** What mail-guard.yaml says of who sends. */
export interface DeclaredSenders {
  /** The environment that the others are compared with. */
  reference: string;
  senders: readonly DeclaredSender[];
}

/** Who may send as what; null when the file declares no workload, and so says nothing of it. */
export function declaredSenders({ reference, environments }: Guard): DeclaredSenders | null {
  const senders = environments.flatMap(({ name: environment, workloads }) =>
    workloads.flatMap(({ name: workload, sends_as, envelope_from, signers }) =>
      sends_as.map((domain) => ({
        environment,
        workload,
        domain,
        envelope_from: envelope_from ?? domain,
        signs: signers.length > 0,
      })),
    ),
  );
  return senders.length === 0 ? null : { reference, senders };
}

/** What the file says of a workload that sends as a domain. */
export interface Declaration {
  /** undecided: it names neither the domain nor the workload. */
  verdict: 'declared' | 'undeclared' | 'undecided';
  signs: boolean;
  /** Who is declared for the domain, in any environment. */
  of_domain: readonly DeclaredSender[];
  /** What the workload is declared for in its environment. */
  of_workload: readonly DeclaredSender[];
}

/**
 * Looks up a workload as the logs name it. A domain without workloads of its own is held by the nearest
 * declared domain above it, as its key is in relaxed alignment (RFC 9989 section 4.4).
 * @param environment as the logs have it; '' stands for the reference environment
 */
export function declarationOf(
  { reference, senders }: DeclaredSenders,
  { environment, workload, domain }: { environment: string; workload: string; domain: string },
): Declaration {
  const where = environment === '' ? reference : environment;
  const of_workload = senders.filter((one) => one.workload === workload && one.environment === where);
  const held = namesAbove(domain).find((name) => senders.some((one) => one.domain === name));
  const of_domain = held === undefined ? [] : senders.filter((one) => one.domain === held);
  const own = of_workload.filter((one) => one.domain === held || one.envelope_from === domain);
  const signs = own.some((one) => one.signs);
  if (own.length > 0) return { verdict: 'declared', signs, of_domain, of_workload };
  const speaks = of_domain.length > 0 || of_workload.length > 0;
  return { verdict: speaks ? 'undeclared' : 'undecided', signs, of_domain, of_workload };
}

/** A name and the names above it, without the last label. */
function namesAbove(domain: string): string[] {
  const labels = domain.split('.');
  return labels.slice(0, -1).map((_, n) => labels.slice(n).join('.'));
}
