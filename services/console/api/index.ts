import { type AnyRoute, route } from '../routes.ts';
import { ACCESS_API } from './access.ts';
import { AUDIT_API } from './audit.ts';
import { DOMAIN_API } from './domains.ts';
import { FINDING_API } from './findings.ts';
import { HELD_API } from './held.ts';
import { MESSAGE_API } from './messages.ts';
import { describeApi } from './openapi.ts';
import { REPORT_API } from './reports.ts';
import { REQUEST_API } from './requests.ts';
import { API } from './route.ts';
import { SENDER_API } from './senders.ts';

const routes = [
  ...AUDIT_API,
  ...DOMAIN_API,
  ...SENDER_API,
  ...FINDING_API,
  ...REPORT_API,
  ...MESSAGE_API,
  ...REQUEST_API,
  ...ACCESS_API,
  ...HELD_API,
];
const description = JSON.stringify(describeApi(routes));

/** Tools read it before they have a token; it says nothing of the installation. */
const openapi = route({
  method: 'GET',
  path: `${API}/openapi.json`,
  kind: 'file',
  least: 'everybody',
  scope: 'none',
  handle: () => ({ is: 'file', type: 'application/json; charset=utf-8', content: description }),
});

/** The routes of the API. */
export const API_ROUTES: readonly AnyRoute[] = [openapi, ...routes];
