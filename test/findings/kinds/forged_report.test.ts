import { test } from 'vitest';
import { expectWords } from './words.ts';

test('whose name is used, who sent the reports, and what they contradict', () =>
  expectWords('forged_report', {
    'one report of an unproven sender': {
      subject: 'google.com',
      evidence: { reports: 1, who: [{ source: 'evil.example', messages: 1, unproven: true }], resting_on: [] },
    },
    'two reports, one sender proven, contradicting': {
      subject: 'google.com',
      facts: { mismatched: 2 },
      evidence: { reports: 2, contradicting: 1, who: [{ source: 'evil.example', messages: 2 }], resting_on: [] },
    },
    'many senders, on the word of one reporter alone': {
      subject: 'google.com',
      facts: { mismatched: 1 },
      evidence: {
        reports: 1200,
        contradicting: 0,
        senders: 5,
        who: ['a', 'b', 'c'].map((name) => ({ source: `${name}.example`, messages: 1, unproven: name === 'b' })),
        resting_on: [{ reporter: 'small.example', standing: 'new' }],
      },
    },
    'five reports, two of them contradict': {
      subject: 'google.com',
      evidence: {
        reports: 5,
        contradicting: 2,
        senders: 2,
        who: ['a', 'b'].map((name) => ({ source: `${name}.example`, messages: 1 })),
        resting_on: [],
      },
    },
    'one report of a proven sender': {
      subject: 'google.com',
      facts: { mismatched: 1 },
      evidence: { reports: 1, senders: 1, contradicting: 0, who: [{ source: 'evil.example', messages: 1 }], resting_on: [] },
    },
    'three reports of an unproven sender of four, one of which contradicts': {
      subject: 'google.com',
      evidence: {
        reports: 3,
        senders: 4,
        contradicting: 1,
        who: [{ source: 'evil.example', messages: 1, unproven: true }],
        resting_on: [],
      },
    },
    'four proven senders and an unproven one': {
      subject: 'google.com',
      facts: { mismatched: 4 },
      evidence: {
        reports: 5,
        senders: 5,
        contradicting: 0,
        who: ['a', 'b', 'c', 'd', 'e'].map((name) => ({ source: `${name}.example`, messages: 1, unproven: name === 'e' })),
        resting_on: [],
      },
    },
    'rows of older versions count nothing': {
      subject: 'google.com',
      evidence: { reports: undefined, contradicting: undefined, resting_on: undefined },
    },
  }));
