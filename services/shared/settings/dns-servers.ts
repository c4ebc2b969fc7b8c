import path from 'node:path';
import { z } from 'zod';
import { parseServer, type Server } from '../../dns/client/servers.ts';
import { secretOf } from './secret-file.ts';

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;
const zone = z.string().regex(NAME, 'must be a zone in lower case, without the final dot, such as example.com');

/**
 * One place where records are changed: a name server that takes updates (RFC 2136), a command, or Route 53.
 */
const serverSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be a name in lower case, such as primary'),
    zones: z.array(zone).min(1),
    /** The primary server. */
    address: z
      .string()
      .refine((text) => parseServer(text) !== null, 'must be an address, or address:port')
      .optional(),
    key: z
      .strictObject({
        name: z.string().regex(NAME, 'must be the name of a TSIG key, such as ruawatch'),
        algorithm: z.enum(['hmac-sha256', 'hmac-sha512']).default('hmac-sha256'),
        secret: z.string().optional(),
        secret_file: z.string().optional(),
      })
      .optional(),
    /** A program and its arguments: it gets the change as JSON and makes it (docs/changes.md). */
    command: z.array(z.string().min(1)).min(1).optional(),
    /** Hosted zones of Amazon Route 53; credentials come from where all programs of AWS take them. */
    route53: z
      .strictObject({
        /** A profile of the credentials file; without it the default one, or what the environment says. */
        profile: z.string().min(1).optional(),
        /** The id of the hosted zone, where the account has two public ones of the name. */
        hosted_zone: z
          .string()
          .regex(/^Z[A-Z0-9]{1,31}$/, 'must be the id of a hosted zone, such as Z2FDTNDATAQYW2')
          .optional(),
        region: z.string().min(1).default('us-east-1'),
        /** Another address of the API. */
        endpoint: z.url({ protocol: /^https?$/ }).optional(),
      })
      .optional(),
  })
  .superRefine(({ address, key, command, route53, zones }, ctx) => {
    const say = (message: string) => ctx.addIssue({ code: 'custom', message });
    if ([address, command, route53].filter((one) => one !== undefined).length !== 1)
      say('needs either address and key, or command, or route53');
    if (route53?.hosted_zone !== undefined && zones.length > 1)
      say('has a hosted_zone, which is one zone, and several zones: make a server of each');
    if (address !== undefined && key === undefined) say('has an address and no key: set key.name and key.secret_file');
    if (key !== undefined && (key.secret === undefined) === (key.secret_file === undefined))
      say('needs key.secret_file, or key.secret');
  });

/** `dns:` of ruawatch.yaml: where approved changes are made. */
export const dnsSchema = z.strictObject({ servers: z.array(serverSchema).max(1000).default([]) }).prefault({});
type Given = z.infer<typeof serverSchema>;

/** A name server that takes updates. */
export interface UpdatedServer {
  kind: 'rfc2136';
  name: string;
  zones: readonly string[];
  server: Server;
  key: { name: string; algorithm: 'hmac-sha256' | 'hmac-sha512' };
  /**
   * Reads the secret: it is kept no longer than a change takes. @throws Error that says what is wrong with it
   */
  secret(): Buffer;
}

/** A program that makes changes. */
export interface ChangeCommand {
  kind: 'command';
  name: string;
  zones: readonly string[];
  command: readonly string[];
}

/** Hosted zones of Amazon Route 53. */
export interface Route53Zones {
  kind: 'route53';
  name: string;
  zones: readonly string[];
  profile: string | null;
  hostedZone: string | null;
  region: string;
  endpoint: string | null;
}

export type DnsTarget = UpdatedServer | ChangeCommand | Route53Zones;

/** @param mistakes gets a line for each entry that cannot work */
export function dnsTargets({ servers }: z.infer<typeof dnsSchema>, cwd: string, mistakes: string[]): DnsTarget[] {
  const names = new Set<string>();
  const zones = new Set<string>();
  return servers.map((given, at) => {
    if (names.has(given.name))
      mistakes.push(`dns.servers[${at}]: two servers are named "${given.name}": give each its own name.`);
    names.add(given.name);
    for (const one of given.zones) {
      if (zones.has(one)) mistakes.push(`dns.servers[${at}]: two servers change the zone ${one}: keep one.`);
      zones.add(one);
    }
    return targetOf(given, cwd);
  });
}

function targetOf({ name, zones, address, key, command, route53 }: Given, cwd: string): DnsTarget {
  if (route53 !== undefined) {
    const { profile = null, hosted_zone: hostedZone = null, endpoint = null, region } = route53;
    return { kind: 'route53', name, zones, profile, hostedZone, region, endpoint };
  }
  if (command !== undefined) {
    const [program, ...rest] = command;
    const found = program!.includes('/') ? path.resolve(cwd, program!) : program!;
    return { kind: 'command', name, zones, command: [found, ...rest] };
  }
  return {
    kind: 'rfc2136',
    name,
    zones,
    server: parseServer(address!)!,
    key: { name: key!.name, algorithm: key!.algorithm },
    secret: () => {
      const text = secretOf(key!.secret, key!.secret_file, 'secret', cwd)!;
      const secret = Buffer.from(text, 'base64');
      if (secret.length === 0 || !/^[A-Za-z0-9+/]+=*$/.test(text))
        throw new Error('has a secret that is not base64, as tsig-keygen prints it.');
      return secret;
    },
  };
}

/**
 * Where the records of a name are changed, and the zone that holds it; null when no server of the settings
 * does.
 */
export function targetFor(targets: readonly DnsTarget[], name: string): { target: DnsTarget; zone: string } | null {
  const found = targets.flatMap((target) =>
    target.zones.filter((one) => name === one || name.endsWith(`.${one}`)).map((one) => ({ target, zone: one })),
  );
  return found.sort((a, b) => b.zone.length - a.zone.length)[0] ?? null;
}
