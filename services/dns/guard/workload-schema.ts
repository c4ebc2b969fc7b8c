import { z } from 'zod';
import { domainName, isNetwork, labelMap, network, secretPlace, selectorName, word } from './schema-values.ts';

/** A way by which mail leaves, declared once for an environment. */
export const egress = z
  .strictObject({
    /** static: `addresses` are all there is; the others: whoever watches the cluster finds the addresses. */
    from: z.enum(['static', 'nodes', 'cilium', 'calico']).default('static'),
    addresses: z.array(network).default([]),
    /** Of nodes: their labels. */
    node_labels: labelMap.optional(),
    /** Of cilium: the CiliumEgressGatewayPolicy. */
    policy: word.optional(),
    /** Of calico: the IPPool of the egress gateway. */
    pool: word.optional(),
  })
  .refine(({ from, addresses }) => from !== 'static' || addresses.length > 0, 'has no addresses')
  .refine(
    ({ from, policy: named }) => (from === 'cilium') === (named !== undefined),
    'needs "policy" with "from: cilium", and only then',
  )
  .refine(({ from, pool }) => pool === undefined || from === 'calico', 'has "pool", which belongs to "from: calico"')
  .refine(
    ({ from, node_labels }) => node_labels === undefined || from === 'nodes',
    'has "node_labels", which belongs to "from: nodes"',
  );

/**
 * A way out as a workload has it: a name of the environment's `egress`, addresses, or a place in the cluster.
 */
const egressText = z.string().refine((text) => isNetwork(text) || word.safeParse(text).success, {
  error: ({ input }) => `"${String(input)}" must be an address, a network, "nodes", or the name of an egress of the environment`,
});
const egressPlace = z
  .strictObject({
    /** Labels of nodes, whose external addresses these are. */
    nodes: labelMap.optional(),
    /** The CiliumEgressGatewayPolicy. */
    cilium: word.optional(),
    /** The IPPool of a Calico egress gateway. */
    calico: word.optional(),
    /** Those that are known now. */
    addresses: z.array(network).default([]),
  })
  .refine(
    ({ nodes, cilium, calico }) => [nodes, cilium, calico].filter((one) => one !== undefined).length === 1,
    'needs one of nodes, cilium and calico',
  );
const oneOrMany = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(schema).optional());

const signer = z.strictObject({
  /** d= of the signature; without it, the domain that the workload sends as. */
  domain: domainName.optional(),
  selector: selectorName,
  /** The private key (PEM), relative to this file. */
  key_file: z.string().min(1).optional(),
  /** Where the private key is in Kubernetes. */
  secret: secretPlace.optional(),
});

const common = {
  name: word,
  namespace: word.optional(),
  labels: labelMap.default({}),
  service_account: word.optional(),
  egress: oneOrMany(z.union([egressText, egressPlace])),
  /** What it signs with; without it, all selectors of its domains that have a key. */
  selectors: z.array(z.union([selectorName, signer])).optional(),
  /** The domain of MAIL FROM; without it, the domain of From. */
  envelope_from: domainName.optional(),
};

/** A workload below a domain sends as that domain. */
export const workloadOfDomain = z.strictObject(common);

/** A workload of an environment names the domains that it sends as. */
export const workloadOfEnvironment = z.strictObject({
  ...common,
  sends_as: z.array(domainName).min(1, 'names no domain'),
});

export type Egress = z.output<typeof egress>;
export type WrittenWorkload = z.output<typeof workloadOfDomain>;
