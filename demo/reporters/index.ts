import type { Dialect } from '../report.ts';
import { fastmail } from './fastmail.ts';
import { gateway } from './gateway.ts';
import { gmx } from './gmx.ts';
import { google } from './google.ts';
import { mailru } from './mailru.ts';
import { microsoft } from './microsoft.ts';
import { university } from './university.ts';
import { yahoo } from './yahoo.ts';

/** Every reporter of the demo, the largest first. */
export const DIALECTS: readonly Dialect[] = [google, microsoft, yahoo, gmx, mailru, fastmail, gateway, university];

export { fastmail, gateway, gmx, google, mailru, microsoft, university, yahoo };
