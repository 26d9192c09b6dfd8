/* See acme_left.h. */
#include "trust/acme_left.h"

static struct acme_state_left *
find(const struct acme_state *state, struct span name)
{
	for (size_t i = 0; i < state->lefts; i++)
		if (span_equals(state->left[i].name, name))
			return (struct acme_state_left *)&state->left[i];
	return NULL;
}

void
acme_left_apply(const struct acme_state *state, int64_t now,
	struct span *names, size_t *count)
{
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++) {
		const struct acme_state_left *left = find(state, names[i]);
		if (i == 0 || left == NULL || left->until <= now)
			names[kept++] = names[i];
	}
	*count = kept;
}

int64_t
acme_left_add(struct acme_state *state, const struct acme_state_left *left,
	int64_t now, int64_t first, uint64_t random)
{
	struct acme_state_left *entry = find(state, left->name);
	if (entry == NULL && state->lefts == ACME_NAMES)
		return 0;
	uint64_t failures = entry == NULL ? 0 : entry->failures;
	if (entry == NULL)
		entry = &state->left[state->lefts++];
	*entry = *left;
	entry->failures = failures + 1;
	int64_t delay = acme_retry_delay(entry->failures, first, 0, random);
	entry->until = now + delay;
	return delay;
}

void
acme_left_forget(struct acme_state *state, struct span name)
{
	struct acme_state_left *entry = find(state, name);
	if (entry != NULL)
		*entry = state->left[--state->lefts];
}

static bool
is_among(struct span name, const struct span *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_equals(name, names[i]))
			return true;
	return false;
}

void
acme_left_keep(struct acme_state *state, const struct span *names,
	size_t count)
{
	for (size_t i = state->lefts; i > 0; i--)
		if (!is_among(state->left[i - 1].name, names, count))
			acme_left_forget(state, state->left[i - 1].name);
}

uint64_t
acme_left_failures(const struct acme_state *state, struct span name)
{
	const struct acme_state_left *left = find(state, name);
	return left == NULL ? 0 : left->failures;
}

int64_t
acme_left_until(const struct acme_state *state)
{
	int64_t until = INT64_MAX;
	for (size_t i = 0; i < state->lefts; i++)
		if (state->left[i].until < until)
			until = state->left[i].until;
	return until;
}
