import { dayOf } from '../shared/days.ts';
import { messageOf } from '../shared/errors.ts';
import type { Db } from '../shared/runtime/db.ts';
import type { Log } from '../shared/runtime/log.ts';
import type { DkimKey } from '../shared/settings/dkim-keys.ts';
import { loadSignerPods } from '../store/cluster/signer-pods.ts';
import { noteWaiting, type Rotation, rotationsIn, stepRotation } from '../store/requests/rotations.ts';
import { run } from './keys/command.ts';
import { keyStoreOf } from './keys/index.ts';
import type { KubernetesMeans } from './keys/kubernetes.ts';
import { KeyStoreError } from './keys/layout.ts';

const ACTOR = 'applier';

export interface RotateMeans {
  db: Db;
  log: Log;
  keys: readonly DkimKey[];
  now: () => Date;
  /** Opens the API server of keys in Kubernetes; by default that of the settings. */
  openApi?: KubernetesMeans['open'];
}

/**
 * The steps of rotations that touch keys: a new one is made, and signs once its record is everywhere. All
 * others are the approver's.
 */
export async function rotateKeys({ db, log, keys, now, openApi }: RotateMeans): Promise<void> {
  const means = { pods: (domain: string) => loadSignerPods(db, domain), now, ...(openApi && { open: openApi }) };
  for (const rotation of await rotationsIn(db, ['wanted', 'published'])) {
    const key = keys.find(({ domain }) => domain === rotation.domain);
    try {
      if (key === undefined)
        throw new KeyStoreError(
          `The settings (dkim) have no keys of ${rotation.domain}: say where they are, or rotate it elsewhere.`,
        );
      if (rotation.step === 'wanted') await make(db, rotation, key, means);
      else await switchOver(db, rotation, key, means);
    } catch (error) {
      if (!(error instanceof KeyStoreError)) throw error;
      log.warn({ rotation: rotation.rotation_key, err: messageOf(error) }, 'a key could not be rotated yet; it is tried again');
      await noteWaiting(db, rotation.rotation_key, error.message);
    }
  }
}

async function make(db: Db, rotation: Rotation, key: DkimKey, means: KubernetesMeans): Promise<void> {
  const store = keyStoreOf(key, means);
  const old_selector = await store.current();
  // By its number, a second one of the day has another name, and a process that goes on has the same.
  const day = dayOf(rotation.started_at).replaceAll('-', '');
  const new_selector = `${key.prefix}${day}-${rotation.rotation_key}`;
  const record = await store.make(new_selector);
  await stepRotation(db, rotation, 'made', { actor: ACTOR, now: means.now(), old_selector, new_selector, record });
}

async function switchOver(db: Db, rotation: Rotation, key: DkimKey, means: KubernetesMeans): Promise<void> {
  const store = keyStoreOf(key, means);
  const wait = (await store.waitsFor?.(rotation.new_selector!)) ?? null;
  if (wait !== null) return noteWaiting(db, rotation.rotation_key, wait);
  await store.switchTo(rotation.new_selector!);
  if (key.reload !== null) await run(key.reload);
  const now = means.now();
  await stepRotation(db, rotation, 'switched', { actor: ACTOR, now, switched_at: now });
}
