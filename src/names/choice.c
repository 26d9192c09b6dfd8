/*
 * Choosing whom to ask.
 */
#include "names/choice.h"

#include <assert.h>

void
choice_init(struct choice *choice, const bool possible[CHOICE_COUNT],
	int64_t now)
{
	*choice = (struct choice){ .next = now, .current = CHOICE_COUNT };
	for (unsigned i = CHOICE_COUNT; i-- > 0;)
		if ((choice->candidate[i].is_possible = possible[i]))
			choice->current = i;
	assert(choice->current < CHOICE_COUNT);
}

unsigned
choice_current(const struct choice *choice)
{
	return choice->current;
}

bool
choice_is_made(const struct choice *choice)
{
	return choice->is_made;
}

bool
choice_is_reachable(const struct choice *choice)
{
	return choice->was_reachable;
}

void
choice_note(struct choice *choice, bool is_failure)
{
	choice->failures = is_failure ? choice->failures + 1 : 0;
}

void
choice_probed(struct choice *choice, unsigned candidate, bool works)
{
	if (choice->candidate[candidate].state == CHOICE_TRIED)
		choice->candidate[candidate].state = works ? CHOICE_WORKS :
			CHOICE_BROKEN;
}

/* Who showed once that validation works here is not talked out of it by
 * answers without signatures. */
static bool
is_allowed(const struct choice *choice, unsigned i)
{
	return choice->candidate[i].is_possible &&
		(i != CHOICE_UNVALIDATED || !choice->has_validated);
}

static void
begin_round(struct choice *choice, int64_t now)
{
	choice->is_round = true;
	choice->began = now;
	choice->failures = 0;
	for (unsigned i = 0; i < CHOICE_COUNT; i++)
		choice->candidate[i].state = CHOICE_UNTRIED;
}

/* The best one alone at first: while it works nobody else is troubled. */
static unsigned
try(struct choice *choice, int64_t now)
{
	unsigned bits = 0;
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		if (!is_allowed(choice, i))
			continue;
		if (choice->candidate[i].state == CHOICE_UNTRIED) {
			choice->candidate[i].state = CHOICE_TRIED;
			bits |= 1u << i;
		}
		if (choice->candidate[i].state == CHOICE_WORKS ||
		    (choice->candidate[i].state == CHOICE_TRIED &&
		    now - choice->began < CHOICE_FIRST_WAIT))
			break;
	}
	return bits;
}

/* False while a better one may still turn out to work. CHOICE_COUNT: none. */
static bool
find_best(const struct choice *choice, int64_t now, unsigned *best)
{
	*best = CHOICE_COUNT;
	for (unsigned i = 0; i < CHOICE_COUNT; i++) {
		if (!is_allowed(choice, i))
			continue;
		if (choice->candidate[i].state == CHOICE_WORKS) {
			*best = i;
			return true;
		}
		if (choice->candidate[i].state != CHOICE_BROKEN &&
		    now - choice->began < CHOICE_WAIT)
			return false;
	}
	return true;
}

static bool
is_best_possible(const struct choice *choice, unsigned candidate)
{
	for (unsigned i = 0; i < candidate; i++)
		if (is_allowed(choice, i))
			return false;
	return true;
}

static enum choice_event
end_round(struct choice *choice, unsigned best, int64_t now)
{
	bool was_made = choice->is_made, was_reachable = choice->was_reachable;
	choice->is_round = false;
	choice->is_made = true;
	choice->was_reachable = best < CHOICE_COUNT;
	if (best == CHOICE_COUNT) {
		choice->next = now + CHOICE_RETRY;
		return was_made && !was_reachable ? CHOICE_NOTHING :
			CHOICE_FAILED;
	}
	choice->next = is_best_possible(choice, best) ? INT64_MAX :
		now + CHOICE_LOOK_BACK;
	if (best != CHOICE_UNVALIDATED)
		choice->has_validated = true;
	if (was_made && was_reachable && best == choice->current)
		return CHOICE_NOTHING;
	choice->current = best;
	return CHOICE_CHANGED;
}

enum choice_event
choice_turn(struct choice *choice, int64_t now, unsigned *to_probe)
{
	unsigned best;
	*to_probe = 0;
	bool is_due = now >= choice->next ||
		(choice->failures >= CHOICE_FAILURES &&
		now - choice->began >= CHOICE_RETRY);
	if (!choice->is_round && is_due)
		begin_round(choice, now);
	if (!choice->is_round)
		return CHOICE_NOTHING;
	*to_probe = try(choice, now);
	return *to_probe == 0 && find_best(choice, now, &best) ?
		end_round(choice, best, now) : CHOICE_NOTHING;
}
