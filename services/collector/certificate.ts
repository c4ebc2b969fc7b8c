import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, SettingsError } from '../shared/errors.ts';
import type { Collector } from '../shared/settings/collector.ts';

/**
 * The certificate and the key that the collector speaks TLS with, and the authority of client certificates.
 * @throws SettingsError with the name of the setting whose file cannot be used
 */
export function certificateOf(tls: NonNullable<Collector['tls']>): { cert: Buffer; key: Buffer; ca: Buffer | null } {
  const read = (setting: string, file: string) => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw new SettingsError(`${setting} cannot be read (${messageOf(error)}): correct the path or its rights.`, error);
    }
  };
  const cert = read('collector.tls_cert_file', tls.certFile);
  const key = read('collector.tls_key_file', tls.keyFile);
  const ca = tls.clientCaFile === null ? null : read('collector.client_ca_file', tls.clientCaFile);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new SettingsError(`collector.tls_cert_file and tls_key_file cannot be used together (${messageOf(error)}).`, error);
  }
  return { cert, key, ca };
}
