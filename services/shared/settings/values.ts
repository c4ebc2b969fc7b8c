import { z } from 'zod';
import { parseServer } from '../../dns/client/servers.ts';

/** Values that several sections of the settings have. */

export const email = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be a mail address');

export const seconds = (fallback: number) => z.number().positive().default(fallback);

/** Name servers: "address", or "address:port" ("[…]:port" for IPv6). */
export const nameServers = z
  .array(z.string().refine((text) => parseServer(text) !== null, 'must be an address, or address:port'))
  .optional();

/** Whether it is host:port, or off. */
export const isListen = (value: string) => value === 'off' || Number(/^.+:(\d{1,5})$/.exec(value)?.[1] ?? Number.NaN) <= 65_535;
