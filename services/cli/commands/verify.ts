import { verifyAgain } from '../../parser/index.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import { IMPORT_PLACE } from '../../store/messages/imports.ts';
import { reopenOthers } from '../../store/reports/other-checks.ts';
import { countVerdicts, reopenChecks } from '../../store/reports/trust-checks.ts';
import { openContext } from '../open.ts';

/**
 * `verify`: verifies the mails of reports of all kinds whose trust was never settled again, now and without a
 * job: those that wait for DNS, and those that were stored while trust.check was off. With `all`, also those
 * found unproven, for after a change of trust.authserv_ids.
 * @throws PermanentError `usage` while trust.check is off
 */
export async function runVerify(
  config: Config,
  options: { all?: boolean; json?: boolean },
  out: (line: string) => void,
): Promise<number> {
  if (config.trust.check === 'off') {
    throw new PermanentError('usage', 'trust.check is off, so nothing is verified: set it to verify or authserv.');
  }
  const context = await openContext(config, { say: (line) => context.log.warn(line) });
  try {
    const which = { unproven: options.all === true };
    const keys = [
      ...new Set([
        ...(await reopenChecks(context.db, IMPORT_PLACE.mailbox, which)),
        ...(await reopenOthers(context.db, IMPORT_PLACE.mailbox, which)),
      ]),
    ];
    const waiting = await verifyAgain(context, keys);
    const counts = await countVerdicts(context.db);
    const { authenticated = 0, mismatched = 0, unauthenticated = 0, '': unverified = 0 } = counts;
    if (options.json) out(jsonText({ mails: keys.length, waiting, authenticated, mismatched, unauthenticated, unverified }));
    else {
      out(
        `${keys.length === 1 ? '1 mail was' : `${keys.length} mails were`} verified${waiting > 0 ? `; ${waiting} of them wait for DNS and are retried` : ''}.`,
      );
      out(
        `Reports now: ${authenticated} authenticated, ${mismatched} in another's name, ${unauthenticated} not proven, ${unverified} not to be verified.`,
      );
    }
    return 0;
  } finally {
    await context.close();
  }
}
