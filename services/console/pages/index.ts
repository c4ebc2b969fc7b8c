import { API_ROUTES } from '../api/index.ts';
import { ASSET_ROUTES } from '../assets.ts';
import { type AnyRoute, route } from '../routes.ts';
import { ACCESS_ROUTES } from './access.ts';
import { ACCOUNT_ROUTES } from './account.ts';
import { COMPANY_ROUTES } from './company.ts';
import { DIGEST_ROUTES } from './digest.ts';
import { DIGEST_MAIL_ROUTES } from './digest-mail.ts';
import { DOMAIN_ROUTES } from './domain.ts';
import { FINDING_ACT_ROUTES } from './finding-actions.ts';
import { FINDINGS_ROUTES } from './findings.ts';
import { HEALTH_ROUTES } from './health.ts';
import { HELD_ROUTES } from './held.ts';
import { LOOKALIKE_ROUTES } from './lookalikes.ts';
import { MESSAGE_ROUTES } from './message.ts';
import { MONTH_ROUTES } from './month.ts';
import { OTHER_REPORTS_ROUTES } from './other-reports.ts';
import { OVERVIEW_ROUTES } from './overview.ts';
import { PASSKEY_ROUTES } from './passkeys.ts';
import { PEOPLE_ROUTES } from './people.ts';
import { QUARANTINE_ROUTES } from './quarantine.ts';
import { RAW_ROUTES } from './raw.ts';
import { REPORTS_ROUTES } from './reports.ts';
import { REQUEST_ROUTES } from './requests.ts';
import { SENDER_ROUTES } from './sender.ts';
import { SESSION_ROUTES } from './sessions.ts';
import { SETUP_ROUTES } from './setup.ts';
import { SIGN_IN_ROUTES } from './sign-in.ts';
import { TOKEN_ROUTES } from './tokens.ts';
import { UPLOAD_ROUTES } from './upload.ts';

const alive = route({
  method: 'GET',
  path: '/livez',
  kind: 'file',
  least: 'everybody',
  scope: 'none',
  handle: () => ({ is: 'file', type: 'text/plain; charset=utf-8', content: 'ok\n' }),
});

/** All that the console answers. A new page is a file here, and its list in this one. */
export const ROUTES: readonly AnyRoute[] = [
  alive,
  ...ASSET_ROUTES,
  ...SIGN_IN_ROUTES,
  ...COMPANY_ROUTES,
  ...PASSKEY_ROUTES,
  ...SESSION_ROUTES,
  ...TOKEN_ROUTES,
  ...OVERVIEW_ROUTES,
  ...DOMAIN_ROUTES,
  ...SENDER_ROUTES,
  ...MONTH_ROUTES,
  ...REPORTS_ROUTES,
  ...OTHER_REPORTS_ROUTES,
  ...RAW_ROUTES,
  ...QUARANTINE_ROUTES,
  ...LOOKALIKE_ROUTES,
  ...MESSAGE_ROUTES,
  ...DIGEST_ROUTES,
  ...DIGEST_MAIL_ROUTES,
  ...HEALTH_ROUTES,
  ...SETUP_ROUTES,
  ...UPLOAD_ROUTES,
  ...FINDINGS_ROUTES,
  ...FINDING_ACT_ROUTES,
  ...REQUEST_ROUTES,
  ...ACCESS_ROUTES,
  ...HELD_ROUTES,
  ...ACCOUNT_ROUTES,
  ...PEOPLE_ROUTES,
  ...API_ROUTES,
];
