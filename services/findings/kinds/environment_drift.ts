import { z } from 'zod';
import { counted, list, short } from '../../shared/format.ts';
import { kind } from './kind.ts';

const facts = z.object({
  rule: z.literal('environment_drift'),
  environment: z.string(),
  /** The domain of that environment, and what it is compared with. */
  domain: z.string(),
  reference: z.object({ environment: z.string(), domain: z.string() }),
  aspects: z.array(
    z.object({
      /** One of docs/guard.md. */
      aspect: z.string(),
      /** Values that the reference alone has, and that this environment alone has. */
      missing: z.array(z.string()),
      extra: z.array(z.string()),
    }),
  ),
});

/** Aspects that are described in sentences, and values of each. */
const TOLD = 3;
const VALUES = 3;

export const environmentDrift = kind(
  facts,
  { name: 'Environments differ' },
  ({ domain: full, evidence: { since } }, { environment, domain, reference, aspects }) => {
    const own = short(full);
    const named = short(environment, 40);
    const [of, like] = [short(domain), short(reference.domain)];
    const title = `Environment ${named} of ${own} differs from ${short(reference.environment, 40)}`;
    const values = (all: readonly string[]) =>
      list(
        all.map((value) => short(value, 80)),
        VALUES,
      );
    const sentences = aspects.slice(0, TOLD).map(({ aspect, missing, extra }) => {
      const parts = [
        ...(missing.length > 0 ? [`${like} alone has ${values(missing)}`] : []),
        ...(extra.length > 0 ? [`${of} alone has ${values(extra)}`] : []),
      ];
      return `${aspect}: ${parts.join('; ')}.`;
    });
    const more = aspects.length - TOLD;
    return {
      title,
      topic: `environment ${named} of ${own}`,
      summary: `${title} in ${aspects.length === 1 ? short(aspects[0]!.aspect, 40) : counted(aspects.length, 'aspect')} (since ${since})`,
      what: [
        `Since ${since}, ${of} (${named}) has not been as ${like} (${short(reference.environment, 40)}) is, and mail-guard.yaml does not allow it to differ in this.`,
        ...sentences,
        ...(more > 0 ? [`${counted(more, 'more aspect')}.`] : []),
      ].join(' '),
      advice: [
        `Publish for ${of} what ${like} has, or the other way round: what is tried in ${named} does not show what ${short(reference.environment, 40)} will do.`,
        `If it may differ, say so in mail-guard.yaml: may_differ: [${aspects.map(({ aspect }) => short(aspect, 40)).join(', ')}].`,
        'The whole matrix: "ruawatch guard check mail-guard.yaml".',
      ],
      expected: 'a planned change',
    };
  },
);
