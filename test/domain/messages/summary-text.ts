// The message of a run as free text.
import { summaryParts, textOf } from '../../../src/domain/messages/summary.ts';
import type { SummaryInput } from '../../../src/domain/messages/summary-input.ts';

export const summaryText = (input: SummaryInput): string => textOf(summaryParts(input));
