import type { AnyRoute } from '../routes.ts';
import { DOMAIN_API } from './domains.ts';
import { FINDING_API } from './findings.ts';

/** The routes of the API. */
export const API_ROUTES: readonly AnyRoute[] = [...DOMAIN_API, ...FINDING_API];
