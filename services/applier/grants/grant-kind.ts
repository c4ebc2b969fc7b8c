import type { Dns } from '../../dns/client/types.ts';
import type { GrantKindName } from '../../requests/grants/kinds.ts';
import type { Access } from '../../shared/settings/access.ts';
import type { DnsTarget } from '../../shared/settings/dns-servers.ts';
import type { Grant } from '../../store/grants/grants.ts';

export interface GrantMeans {
  access: Access;
  /** Name servers and commands of the settings (dns.servers). */
  dnsTargets: readonly DnsTarget[];
  /** DNS as everybody sees it. */
  dns: Dns;
  /** What the names of the rights of this installation begin with. */
  mark: string;
  signal: AbortSignal;
}

/** How lending a right ended. `later`: not known, or not possible now; it is tried again. */
export interface Lent {
  state: 'active' | 'failed' | 'later';
  /** A sentence. */
  answer: string;
  /** What the target enforces as its end by itself; null where it cannot. */
  most?: Date | null;
  /** What the holder gets, sealed with the key that the request names. */
  sealed?: string;
}

/** How ending a right ended. What the target does not have is ended. */
export interface Taken {
  state: 'ended' | 'later';
  answer: string;
}

/** A right with our mark at a target. */
export interface Present {
  server: string;
  name: string;
  /** How many sessions use it now; null where the target cannot say. */
  sessions: number | null;
}

/** What carries out one kind of grant. All of it can be done again, and by two processes at once. */
export interface GrantWorker {
  kind: GrantKindName;
  /** Makes the right, or finds it made. It never makes alive what was ended. */
  apply(grant: Grant, means: GrantMeans): Promise<Lent>;
  /** Takes the right, and cuts what uses it. */
  end(grant: Pick<Grant, 'server' | 'name' | 'scope' | 'applied_at' | 'ends_at'>, means: GrantMeans): Promise<Taken>;
  /**
   * The rights at the targets of the settings. Left out where a right is its row in the store, and nothing is
   * at the target.
   * @param failed gets the name of each target that does not answer, with a sentence
   */
  present?(means: GrantMeans, failed: (server: string, answer: string) => void): Promise<Present[]>;
  /**
   * Whether a target names all that it has; what one that does not lacks in `present` may be there all the
   * same. True without this.
   */
  lists?(server: string, means: GrantMeans): boolean;
  /** How many new uses there were since the last call. */
  uses?(grant: Grant, means: GrantMeans): Promise<number>;
  /** Whether what it was asked for is seen to be done: a sentence; null when not. */
  done?(grant: Grant, means: GrantMeans): Promise<string | null>;
}
