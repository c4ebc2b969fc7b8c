import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { oidcOf, oidcSchema } from '../../../services/shared/settings/oidc.ts';

const given = (part: object = {}) => ({
  issuer: 'https://id.example.com/realm',
  client_id: 'ruawatch',
  client_secret_file: 'secret',
  groups: [{ group: 'mail', role: 'viewer', all_domains: true }],
  ...part,
});
const mistakesOf = (part: object): string[] =>
  (oidcSchema.safeParse(given(part)).error?.issues ?? []).map(({ path: at, message }) => `${at.join('.')}: ${message}`);

test.each([
  ['https://id.example.com', true],
  ['http://localhost:8080/realm', true],
  ['http://127.0.0.1:8080', true],
  ['http://[::1]:8080', true],
  ['http://id.example.com', false],
  ['ftp://localhost', false],
  ['https://id.example.com/?a=b', false],
  ['https://id.example.com/#a', false],
  ['https://user@id.example.com', false],
  ['http://localhost/?a=b', false],
  ['id.example.com', false],
])('tokens are sent to %s: %s', (issuer, taken) => {
  expect(mistakesOf({ issuer })).toEqual(taken ? [] : ['issuer: must be an https address, without user, ? and #']);
});

test('a group may see all domains or those that are named, and there is one at least', () => {
  const group = (part: object) => mistakesOf({ groups: [{ group: 'mail', role: 'viewer', ...part }] });
  const needs = ['groups.0: needs either domains or all_domains: true'];
  expect([group({ all_domains: true }), group({ domains: ['example.com'] })]).toEqual([[], []]);
  expect([group({}), group({ all_domains: true, domains: ['example.com'] })]).toEqual([needs, needs]);
  expect(group({ all_domains: false })).toHaveLength(1);
  expect(mistakesOf({ groups: [] })).toEqual(['groups: must name at least one group']);
});

test('the secret is read from its file, and a file that is not there is a mistake', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-oidc-'));
  try {
    writeFileSync(path.join(folder, 'secret'), 'hush\n');
    const settings = oidcSchema.parse(given());
    const mistakes: string[] = [];
    expect(oidcOf(settings, folder, mistakes)).toEqual({
      ...given(),
      name: 'company account',
      scopes: ['openid', 'email', 'profile', 'offline_access'],
      groups_claim: 'groups',
      emails: 'verified',
      client_secret: 'hush',
    });
    expect([oidcOf(undefined, folder, mistakes), mistakes]).toEqual([null, []]);
    rmSync(path.join(folder, 'secret'));
    expect(oidcOf(settings, folder, mistakes)).toBeNull();
    expect(mistakes).toEqual([
      expect.stringMatching(/^console\.oidc\.client_secret_file .*: correct the path, or write the secret into the file\.$/),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
