import type { Playbook } from './playbook.ts';
import { policyBack, policyStep, protectSubdomains } from './policy.ts';
import { correctRecord, reduceLookups, restoreDeclared, restoreRecord } from './records.ts';
import { alignSender, newSender } from './senders.ts';

/** All playbooks. A kind of finding has one at most. */
export const PLAYBOOKS: readonly Playbook[] = [
  newSender,
  alignSender,
  protectSubdomains,
  policyStep,
  policyBack,
  correctRecord,
  reduceLookups,
  restoreRecord,
  restoreDeclared,
];
