import type { Habits } from './facts.ts';
import type { Post } from './mail.ts';
import type { Style } from './xml.ts';

export interface Receiver {
  org: string;
  /** The domain of its address, and its part of file names and subjects. */
  site: string;
  email: string;
  habits: Habits;
  style: Style;
  post: Post;
}
