import { z } from 'zod';
import { counted, short } from '../../shared/format.ts';
import { selectorIn } from './checked.ts';
import { lostRecord, restsOn } from './dns_broken.ts';
import { type Advice, kind, seenOn, type Told } from './kind.ts';

const facts = z.object({
  rule: z.literal('dkim_key_missing'),
  /**
   * key_absent: mail has passed with it, and DNS was never seen to have it; key_unpublished: no mail has
   * passed with it.
   */
  loss: z.enum(['key_gone', 'key_revoked', 'key_absent', 'key_unpublished']),
  /** `before` is empty when DNS was not seen to have the key. */
  ...lostRecord,
});
type MissingFacts = z.output<typeof facts>;

export const dkimKeyMissing = kind(facts, { name: 'A DKIM key is missing', ofRecord: true, stopsMail: true }, (told, given) => {
  const domain = short(told.domain);
  const key = `DKIM key ${selectorIn(given.name)} of ${domain}`;
  const title = {
    key_gone: `${key} is gone from DNS`,
    key_revoked: `${key} was revoked while in use`,
    key_absent: `${key} is not in DNS`,
    key_unpublished: `${key} is used and not published`,
  }[given.loss];
  const seen = given.seen
    ? ` Reports show ${counted(given.seen.messages, 'message')} that failed since ${given.seen.since}.`
    : '';
  return {
    title,
    topic: key,
    summary: `${title}; first missed ${given.at} UTC`,
    what: `${happened(given)}${seen}`,
    advice: adviceOf(told, given),
    expected: 'a planned change',
  };
});

function happened(given: MissingFacts): string {
  const name = short(given.name);
  switch (given.loss) {
    case 'key_gone':
      return `The key at ${name} was taken away at ${given.at} UTC.${restsOn(given)}`;
    case 'key_revoked':
      return `The key at ${name} was replaced by an empty one (p=), which revokes it, at ${given.at} UTC.${restsOn(given)}`;
    case 'key_absent':
      return `Mail has passed with the key at ${name}, and since ${given.at} UTC at the latest there is none.${restsOn(given)}`;
    case 'key_unpublished': {
      const [first] = given.rests;
      const by = first === undefined ? '' : ` by ${short(first.name, 60)}`;
      return `Mail is signed${by} with the selector ${selectorIn(name)}, and there is no key at ${name}: none of these signatures passes.`;
    }
  }
}

function adviceOf({ domain: full }: Told, { loss, name, before }: MissingFacts): Advice[] {
  const domain = short(full);
  const history = seenOn('dns_history', `Everything that was published, and when it changed: "ruawatch dns history ${domain}".`);
  const rotate =
    'If the key is being replaced, switch signing to the new one first, and withdraw the old one when no mail has passed with it for a week.';
  if (loss === 'key_unpublished')
    return [
      `Publish the key at ${short(name)} that this sender signs with, or have it sign with the selector that is published.`,
      history,
    ];
  if (before === '')
    return [`Publish the key at ${short(name)} again; the sender that signs with it has the value.`, rotate, history];
  return [`If that was not intended, publish it again at ${short(name)}: "${short(before, 300)}".`, rotate, history];
}
