import { expect, test } from 'vitest';
import { unverifiedSentence } from '../../services/shared/unverified.ts';

test('that reports cannot be verified is said from a quarter of them on', () => {
  const said = (reports: number, unverified: number) => unverifiedSentence({ reports, unverified });
  expect([said(0, 0), said(1, 0), said(4000, 999), said(4000, 1000), said(1, 1)]).toEqual([
    null,
    null,
    null,
    '1,000 of 4,000 reports of the last week could not be verified, so they open no finding: set or correct trust.authserv_ids (docs/trust.md), then run "ruawatch verify --all".',
    '1 of 1 reports of the last week could not be verified, so they open no finding: set or correct trust.authserv_ids (docs/trust.md), then run "ruawatch verify --all".',
  ]);
});
