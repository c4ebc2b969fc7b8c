import { normalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import { beginRotation, type Rotation, rotationsOf } from '../../store/requests/rotations.ts';
import { withDatabase } from '../open.ts';
import { moment, type Terminal, wordOf } from '../terminal/options.ts';

const MOST_SHOWN = 10;

/** What each step of a rotation is, for people. */
const STEP_WORDS: Record<Rotation['step'], string> = {
  wanted: 'a key is to be made',
  made: 'the new key is made',
  publishing: 'the new key is to be published',
  published: 'the new key is published, and signs soon',
  switched: 'the new key signs; the old one waits for the last mail',
  revoking: 'the old key is to be revoked',
  revoked: 'the old key is revoked',
  removing: 'the old key is to be removed',
  done: 'done',
  stopped: 'stopped',
};

/**
 * `dns rotate DOMAIN`: begins to replace the DKIM key of a domain; `--status` shows how far it is.
 * @throws PermanentError `usage`, `no_keys`, `rotating`
 */
export async function runDnsRotate(
  config: Config,
  given: string,
  options: { why?: string; by?: string; status?: boolean; json?: boolean },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const domain = normalDomain(given);
  return withDatabase(config, async (db) => {
    if (options.status) {
      const rows = await rotationsOf(db, domain, MOST_SHOWN);
      if (options.json) return out(jsonText({ domain, rotations: rows }, 2));
      if (rows.length === 0) return out(`No key of ${domain} was rotated yet.`);
      for (const row of rows) for (const line of linesOf(row)) out(escaped(line));
      return;
    }
    if (options.why === undefined) throw new PermanentError('usage', 'Say why with --why, or look how far it is with --status.');
    if (config.approvals.rules.length === 0)
      throw new PermanentError(
        'no_rule',
        'approvals has no rules, so nothing can be published: add a rule for dkim.rotate (docs/approvals.md).',
      );
    if (!config.dkimKeys.some((key) => key.domain === domain))
      throw new PermanentError(
        'no_keys',
        `The settings (dkim) do not say where the keys of ${domain} are: docs/changes.md shows how.`,
      );
    const { by, why } = wordOf({ ...options, why: options.why });
    const key = await beginRotation(db, domain, { person: by.toLowerCase(), why }, now);
    out(`Rotation ${key} of the key of ${domain} begins: "ruawatch dns rotate ${domain} --status" shows how far it is.`);
  });
}

function linesOf({ rotation_key, step, started_at, asked_by, why, old_selector, new_selector, waits_for }: Rotation): string[] {
  const keys = new_selector === null ? '' : ` (${old_selector ?? 'none'} → ${new_selector})`;
  return [
    `Rotation ${rotation_key}${keys}: ${STEP_WORDS[step]}. Asked for by ${asked_by} at ${moment(started_at)} UTC: ${why}`,
    ...(waits_for === null ? [] : [`  ${step === 'stopped' ? 'Why' : 'Waits'}: ${waits_for}`]),
  ];
}
