import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificateOf } from '../../services/collector/certificate.ts';
import { SettingsError } from '../../services/shared/errors.ts';
import { authority } from '../helpers/certificates.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-collector-tls-'));
const file = (name: string) => path.join(folder, name);
beforeAll(() => {
  for (const name of ['one', 'other']) {
    const { pem, key } = authority(name);
    writeFileSync(file(`${name}.crt`), pem);
    writeFileSync(file(`${name}.key`), key.export({ type: 'pkcs8', format: 'pem' }));
  }
  writeFileSync(file('broken'), 'x');
});
afterAll(() => rmSync(folder, { recursive: true }));

const of = (certFile: string, keyFile: string, clientCaFile: string | null = null) =>
  certificateOf({ certFile: file(certFile), keyFile: file(keyFile), clientCaFile: clientCaFile && file(clientCaFile) });

test('a certificate and its key, with or without the authority of clients', () => {
  const [cert, key, ca] = ['one.crt', 'one.key', 'other.crt'].map((name) => readFileSync(file(name)));
  expect(of('one.crt', 'one.key')).toEqual({ cert, key, ca: null });
  expect(of('one.crt', 'one.key', 'other.crt')).toEqual({ cert, key, ca });
});

test.each<[string[], RegExp]>([
  [['no.crt', 'one.key'], /^collector\.tls_cert_file cannot be read \(.*no\.crt.*\): correct the path or its rights\.$/],
  [['one.crt', 'no.key'], /^collector\.tls_key_file cannot be read \(.*no\.key.*\): correct the path or its rights\.$/],
  [
    ['one.crt', 'one.key', 'no.ca'],
    /^collector\.client_ca_file cannot be read \(.*no\.ca.*\): correct the path or its rights\.$/,
  ],
  [['one.crt', 'other.key'], /^collector\.tls_cert_file and tls_key_file cannot be used together \(.+\)\.$/],
  [['one.crt', 'broken'], /^collector\.tls_cert_file and tls_key_file cannot be used together \(.+\)\.$/],
])('%j cannot be used, and the setting is named', (files, sentence) => {
  const read = () => of(files[0]!, files[1]!, files[2]);
  expect(read).toThrow(SettingsError);
  expect(read).toThrow(sentence);
});
