import { BlockList, isIP } from 'node:net';
import type { GuardedEnvironment } from '../../dns/guard/file.ts';
import type { GuardedWorkload } from '../../dns/guard/workloads.ts';

/** The workload that a mail is from, and what says so. */
export interface Sender {
  environment: string;
  workload: GuardedWorkload;
  by: 'user' | 'address' | 'from';
}

/** What is known of a mail's sender before its content is judged. */
export interface Signs {
  user: string | null;
  peer: string | null;
  /** The address in From; null: none that counts. */
  from: string | null;
}

/**
 * The workload that a mail is from: the one that the client authenticated as; else, of those that the address
 * may be, the one that sends as the domain in From; of several, the one that is called as the local part of
 * From. Null where that leaves none, or several.
 */
export function senderOf(environments: readonly GuardedEnvironment[], { user, peer, from }: Signs): Sender | null {
  const all = environments.flatMap(({ name: environment, workloads }) =>
    workloads.map((workload) => ({ environment, workload })),
  );
  const called = (name: string) => all.filter(({ workload }) => workload.name === name);
  const [local = '', domain = ''] = (from ?? '').split('@');
  const as = (list: typeof all) => list.filter(({ workload }) => workload.sends_as.includes(domain));
  if (user !== null) {
    const named = called(user.toLowerCase().split('@')[0]!);
    const one = only(named) ?? only(as(named));
    if (one !== null) return { ...one, by: 'user' };
  }
  const near = all.filter(({ workload }) => leavesBy(workload, peer ?? ''));
  const there = only(as(near)) ?? only(near) ?? only(as(near).filter(({ workload }) => workload.name === local));
  if (there !== null) return { ...there, by: 'address' };
  const one = only(as(all)) ?? only(as(all).filter(({ workload }) => workload.name === local));
  return one === null ? null : { ...one, by: 'from' };
}

/** Whether an address is among the declared ones of a workload. */
export function leavesBy({ egress }: GuardedWorkload, address: string): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  for (const network of egress.flatMap(({ addresses }) => addresses)) {
    const [first, bits] = network.split('/') as [string, string | undefined];
    const kind = first.includes(':') ? 'ipv6' : 'ipv4';
    list.addSubnet(first, bits === undefined ? (kind === 'ipv6' ? 128 : 32) : Number(bits), kind);
  }
  return isIP(address) !== 0 && list.check(address, family);
}

/** Networks whose addresses no receiver outside sees: RFC 1918, 6598, 3927, 4193, 4291. */
const INSIDE = new BlockList();
for (const [address, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const)
  INSIDE.addSubnet(address, bits, 'ipv4');
for (const [address, bits] of [
  ['fc00::', 7],
  ['fe80::', 10],
  ['::', 127],
] as const)
  INSIDE.addSubnet(address, bits, 'ipv6');

/** Whether an address is one of an inner network, behind which mail leaves by another. */
export function isInside(address: string): boolean {
  return INSIDE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function only<One>(list: readonly One[]): One | null {
  return list.length === 1 ? list[0]! : null;
}
