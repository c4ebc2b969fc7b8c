import path from 'node:path';
import { z } from 'zod';
import type { KubernetesAccess } from './cluster.ts';

const NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;

const objectName = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be the name of an object of Kubernetes');

/** Of the layout kubernetes: where the keys are, and who says which of them signs. */
const kubernetesSchema = z
  .strictObject({
    namespace: objectName,
    /** Has a file for each selector; ruawatch reads and changes it, and it has to be there. */
    secret: objectName,
    /** Says which selector signs. */
    config_map: objectName,
    /** Whose form its table has. */
    signer: z.enum(['rspamd', 'opendkim']),
    /** Of opendkim: where the Secret is mounted in the signer's pods. */
    mount: z.string().startsWith('/').optional(),
    /** Labels of the signer's pods, which say themselves which keys they have. */
    pods: z.record(z.string(), z.string()).optional(),
    /** A program that ends with 0 when all pods have the file that it gets as its last argument. */
    seen: z.array(z.string().min(1)).min(1).optional(),
    /** Where ruawatch runs outside of the cluster. */
    kubeconfig: z.string().min(1).optional(),
    context: z.string().min(1).optional(),
  })
  .superRefine(({ signer, mount, pods, seen }, ctx) => {
    const say = (message: string) => ctx.addIssue({ code: 'custom', message });
    if (signer === 'opendkim' && mount === undefined) say('has the signer opendkim: set mount, where its pods have the Secret');
    if ((pods === undefined) === (seen === undefined)) say('needs one of pods and seen, which say that all pods have a new key');
    if (pods !== undefined && Object.keys(pods).length === 0)
      say('has pods without a label: all pods of the namespace would count');
  });

const keySchema = z
  .strictObject({
    domain: z.string().regex(NAME, 'must be a domain in lower case, such as example.com'),
    /** How the private keys lie, and what says which one signs (docs/changes.md). */
    layout: z.enum(['opendkim', 'rspamd', 'command', 'kubernetes']),
    /** Of opendkim and rspamd. */
    folder: z.string().min(1).optional(),
    /** Of command: makes keys and switches between them; it gets JSON. */
    command: z.array(z.string().min(1)).min(1).optional(),
    kubernetes: kubernetesSchema.optional(),
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
  .superRefine(({ layout, folder, command, kubernetes }, ctx) => {
    if (layout === 'command' && command === undefined)
      ctx.addIssue({ code: 'custom', message: 'has the layout command: set command' });
    if ((layout === 'kubernetes') !== (kubernetes !== undefined))
      ctx.addIssue({ code: 'custom', message: 'needs "kubernetes" with the layout kubernetes, and only then' });
    if (layout !== 'command' && layout !== 'kubernetes' && folder === undefined)
      ctx.addIssue({ code: 'custom', message: `has the layout ${layout}: set folder, where its keys are` });
  });

/** `dkim:` of ruawatch.yaml: the keys that are rotated. */
export const dkimSchema = z.array(keySchema).max(1000).default([]);

/** Where the keys of a domain are in Kubernetes. */
export interface KubernetesKeys extends KubernetesAccess {
  namespace: string;
  secret: string;
  configMap: string;
  signer: 'rspamd' | 'opendkim';
  mount: string | null;
  pods: Readonly<Record<string, string>> | null;
  seen: readonly string[] | null;
}

/** A domain whose DKIM key is rotated. */
export interface DkimKey {
  domain: string;
  layout: 'opendkim' | 'rspamd' | 'command' | 'kubernetes';
  /** Absolute; null with the layouts `command` and `kubernetes`. */
  folder: string | null;
  command: readonly string[] | null;
  /** Null but with the layout `kubernetes`. */
  kubernetes: KubernetesKeys | null;
  reload: readonly string[] | null;
  prefix: string;
  bits: number;
  rotateEveryDays: number | null;
}

/** @param mistakes gets a line for each entry that cannot work */
export function dkimKeys(given: z.infer<typeof dkimSchema>, cwd: string, mistakes: string[]): DkimKey[] {
  const domains = new Set<string>();
  return given.map(({ domain, layout, folder, command, kubernetes, reload, prefix, bits, rotate_every_days }, at) => {
    if (domains.has(domain)) mistakes.push(`dkim[${at}]: ${domain} is there twice: keep one entry.`);
    domains.add(domain);
    const program = (words: string[] | undefined) =>
      words === undefined ? null : [words[0]!.includes('/') ? path.resolve(cwd, words[0]!) : words[0]!, ...words.slice(1)];
    return {
      domain,
      layout,
      folder: folder === undefined || layout === 'command' || layout === 'kubernetes' ? null : path.resolve(cwd, folder),
      command: program(command),
      kubernetes: kubernetes === undefined ? null : kubernetesKeys(kubernetes, cwd, program(kubernetes.seen)),
      reload: program(reload),
      prefix,
      bits,
      rotateEveryDays: rotate_every_days ?? null,
    };
  });
}

function kubernetesKeys(
  { namespace, secret, config_map, signer, mount, pods, kubeconfig, context }: z.infer<typeof kubernetesSchema>,
  cwd: string,
  seen: readonly string[] | null,
): KubernetesKeys {
  return {
    namespace,
    secret,
    configMap: config_map,
    signer,
    mount: mount?.replace(/\/+$/, '') ?? null,
    pods: pods ?? null,
    seen,
    kubeconfig: kubeconfig === undefined ? null : path.resolve(cwd, kubeconfig),
    context: context ?? null,
  };
}
