import type { Random } from '../../demo/random.ts';
import { arrange, leaf, some } from './parts.ts';
import type { Receiver } from './receivers.ts';
import { type Policy, record } from './record.ts';
import { lang, otherDomain, prose } from './words.ts';
import { type Branch, type Part, Writer } from './xml.ts';

export interface Written {
  xml: Buffer;
  /** The sum of the records' counts. */
  messages: number;
}

export interface Period {
  begin: number;
  end: number;
}

function metadata(receiver: Receiver, id: string, period: Period, random: Random): Branch {
  const { rfc } = receiver;
  const language = rfc === 9990 ? lang(random) : undefined;
  const error = (): Part => leaf('error', prose(random), 'free', language);
  const range = [leaf('begin', period.begin, 'number'), leaf('end', period.end, 'number')];
  const parts: Part[] = [
    leaf('org_name', receiver.org, 'free'),
    leaf('email', receiver.contact, 'name'),
    ...some(random, [[0.5, () => leaf('extra_contact_info', prose(random), 'free', language)]]),
    leaf('report_id', id, 'name'),
    { tag: 'date_range', parts: receiver.order === 'schema' ? range : random.shuffle(range) },
    ...some(random, [
      [0.3, error],
      [rfc === 7489 ? 0.15 : 0, error],
      [
        rfc === 9990 ? 0.6 : 0,
        () => leaf('generator', `${receiver.org} reports/${random.int(1, 9)}.${random.int(0, 40)}`, 'free'),
      ],
    ]),
  ];
  return { tag: 'report_metadata', parts: arrange(receiver, parts, random) };
}

function published(receiver: Receiver, policy: Policy, random: Random): Branch {
  const modern = receiver.rfc === 9990;
  const parts: Part[] = [leaf('domain', policy.domain, 'name'), leaf('p', policy.p, 'word')];
  // A tag that is left out stands for its default, so only a default may be.
  parts.push(
    ...some(random, [
      [policy.adkim === 's' ? 1 : 0.6, () => leaf('adkim', policy.adkim, 'word')],
      [policy.aspf === 's' ? 1 : 0.6, () => leaf('aspf', policy.aspf, 'word')],
      [policy.sp !== policy.p ? 1 : 0.5, () => leaf('sp', policy.sp, 'word')],
      [modern ? 0 : 0.8, () => leaf('pct', random.pick([100, 100, 100, 50, 7]), 'number')],
      [0.5, () => leaf('fo', random.pick(['0', '1', 'd', 's', '1:d:s', '0:d']), 'name')],
      [modern ? 0.5 : 0, () => leaf('np', random.pick(['none', 'quarantine', 'reject']), 'word')],
      [policy.testing ? 1 : modern ? 0.5 : 0, () => leaf('testing', policy.testing ? 'y' : 'n', 'word')],
      [modern ? 0.6 : 0, () => leaf('discovery_method', random.pick(['psl', 'treewalk']), 'word')],
    ]),
  );
  return { tag: 'policy_published', parts: arrange(receiver, parts, random) };
}

/**
 * RFC 9990's extension of the whole report. Its elements have names of the report's own, in another
 * namespace.
 */
function extension(receiver: Receiver, random: Random): Part[] {
  if (!receiver.extends || !random.chance(0.6)) return [];
  const own = `<e:record e:n="a > b"><e:count>${random.int(1, 99)}</e:count><e:source_ip>192.0.2.1</e:source_ip></e:record>`;
  const policy = `<e:policy_published><e:domain>${otherDomain(random)}</e:domain></e:policy_published>`;
  return [{ tag: 'extension', parts: [{ xml: own }, { xml: policy }].slice(0, random.int(0, 2)) }];
}

const policyOf = (domain: string, modern: boolean, random: Random): Policy => {
  const p = random.pick(['none', 'quarantine', 'reject', 'reject']);
  return {
    domain,
    p,
    sp: random.chance(0.7) ? p : random.pick(['none', 'quarantine', 'reject']),
    adkim: random.chance(0.2) ? 's' : 'r',
    aspf: random.chance(0.2) ? 's' : 'r',
    testing: modern && random.chance(0.15),
  };
};

/** One whole report of `records` records, in the receiver's dialect and encoding. */
export function writeReport(
  receiver: Receiver,
  report: { domain: string; id: string; period: Period; records: number },
  random: Random,
): Written {
  const { domain, id, period, records } = report;
  const writer = new Writer(receiver.style, random);
  const policy = policyOf(domain, receiver.rfc === 9990, random);
  const head: Part[] = [
    ...some(random, [[receiver.version, () => leaf('version', '1.0', 'number')]]),
    metadata(receiver, id, period, random),
    published(receiver, policy, random),
    ...extension(receiver, random),
  ];
  const { eol } = receiver.style;
  const [open, close] = writer.root('feedback', receiver.attributes);
  const chunks = [receiver.bom ? '\ufeff' : '', receiver.declaration, receiver.declaration && eol, open];
  for (const part of head) chunks.push(writer.element(part, 1));
  let messages = 0;
  for (let i = 0; i < records; i++) {
    const { branch, count } = record(receiver, policy, random);
    messages += count;
    chunks.push(writer.element(branch, 1));
  }
  chunks.push(close);
  if (receiver.style.comments && random.chance(0.5)) chunks.push(writer.comment(), eol);
  return { xml: Buffer.from(chunks.join(''), receiver.encoding), messages };
}
