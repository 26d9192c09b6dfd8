/* See rollover.h. */
#include "names/rollover.h"

#include <stdio.h>
#include <string.h>

static const char *const phase_names[ROLLOVER_PHASES] = {
	[ROLLOVER_STEADY] = "steady",
	[ROLLOVER_COMING] = "coming",
	[ROLLOVER_WAITING] = "waiting",
	[ROLLOVER_GOING] = "going",
	[ROLLOVER_LEAVING] = "leaving",
};

const char *
rollover_phase_name(enum rollover_phase phase)
{
	return phase_names[phase];
}

static void
enter(struct rollover *rollover, enum rollover_phase phase)
{
	rollover->phase = phase;
	rollover->since = 0;
}

bool
rollover_is_due(const struct rollover *rollover,
	const struct rollover_facts *facts)
{
	return rollover->phase == ROLLOVER_STEADY && facts->is_wanted &&
		facts->lifetime > 0 && facts->ds.is_known &&
		facts->ds.has_key &&
		facts->now - rollover->made >= facts->lifetime;
}

void
rollover_begin(struct rollover *rollover, const char *next)
{
	snprintf(rollover->next, sizeof(rollover->next), "%s", next);
	rollover->ds_since = 0;
	enter(rollover, ROLLOVER_COMING);
}

/* RFC 7583 3.3.1: the parent's servers too take their time to agree; what was
 * seen of one of them is waited for twice. */
static int64_t
parent_wait(const struct rollover *rollover)
{
	return 2 * (int64_t)rollover->ds_ttl;
}

/* When the phase is over by time alone; INT64_MAX: it is not. */
static int64_t
end_of(const struct rollover *rollover, const struct rollover_facts *facts)
{
	int64_t wait;
	if (rollover->since == 0)
		return INT64_MAX;
	switch (rollover->phase) {
	case ROLLOVER_COMING:
		return rollover->since + facts->propagation + facts->key_ttl;
	case ROLLOVER_GOING:
		wait = rollover->ttl > facts->key_ttl ? rollover->ttl :
			facts->key_ttl;
		wait += rollover->since + facts->propagation;
		if (wait < rollover->ds_since + parent_wait(rollover))
			wait = rollover->ds_since + parent_wait(rollover);
		return wait;
	default:
		return INT64_MAX;
	}
}

/* The next key is the key. */
static void
finish(struct rollover *rollover, int64_t now)
{
	memcpy(rollover->old, rollover->key, sizeof(rollover->old));
	memcpy(rollover->key, rollover->next, sizeof(rollover->key));
	memset(rollover->next, 0, sizeof(rollover->next));
	rollover->made = now;
	rollover->ttl = 0;
	rollover->ds_since = 0;
	enter(rollover, ROLLOVER_STEADY);
}

static bool
note_ds(struct rollover *rollover, const struct rollover_facts *facts)
{
	const struct rollover_ds *ds = &facts->ds;
	struct rollover before = *rollover;
	if (!ds->is_known)
		return false;
	if (ds->has_any) {
		rollover->ds_gone = 0;
		if (ds->ttl > rollover->ds_ttl)
			rollover->ds_ttl = ds->ttl;
	} else if (rollover->ds_gone == 0 && rollover->ds_ttl > 0)
		rollover->ds_gone = facts->now;
	/* who takes it back begins anew */
	if (!ds->has_next || rollover->next[0] == '\0')
		rollover->ds_since = 0;
	else if (rollover->ds_since == 0)
		rollover->ds_since = facts->now;
	return before.ds_gone != rollover->ds_gone ||
		before.ds_since != rollover->ds_since ||
		before.ds_ttl != rollover->ds_ttl;
}

bool
rollover_step(struct rollover *rollover, const struct rollover_facts *facts)
{
	const struct rollover_ds *ds = &facts->ds;
	bool is_noted = note_ds(rollover, facts);
	if (!facts->is_wanted && rollover->phase != ROLLOVER_LEAVING) {
		enter(rollover, ROLLOVER_LEAVING);
		return true;
	}
	switch (rollover->phase) {
	case ROLLOVER_LEAVING:
		if (!facts->is_wanted)
			break;
		/* with a next key it begins again at its beginning */
		enter(rollover, rollover->next[0] == '\0' ? ROLLOVER_STEADY :
			ROLLOVER_COMING);
		return true;
	case ROLLOVER_COMING:
		if (facts->now < end_of(rollover, facts))
			break;
		enter(rollover, ROLLOVER_WAITING);
		return true;
	case ROLLOVER_WAITING:
		if (!ds->is_known || !ds->has_next)
			break;
		enter(rollover, ROLLOVER_GOING);
		return true;
	case ROLLOVER_GOING:
		if (facts->now < end_of(rollover, facts) || !ds->is_known ||
		    !ds->has_next)
			break;
		finish(rollover, facts->now);
		return true;
	default:
		break;
	}
	return is_noted;
}

bool
rollover_has_ended(const struct rollover *rollover,
	const struct rollover_facts *facts)
{
	if (rollover->phase != ROLLOVER_LEAVING)
		return false;
	/* no DS was ever seen: nobody looks for signatures */
	if (rollover->ds_ttl == 0)
		return !facts->ds.is_known || !facts->ds.has_any;
	return rollover->ds_gone != 0 && facts->ds.is_known &&
		!facts->ds.has_any &&
		facts->now >= rollover->ds_gone + parent_wait(rollover);
}

bool
rollover_serve(struct rollover *rollover, int64_t now)
{
	if (rollover->since != 0)
		return false;
	rollover->since = now;
	return true;
}

int64_t
rollover_next(const struct rollover *rollover,
	const struct rollover_facts *facts)
{
	int64_t end = end_of(rollover, facts);
	if (rollover->phase == ROLLOVER_LEAVING && rollover->ds_gone != 0)
		end = rollover->ds_gone + parent_wait(rollover);
	return end;
}

/* ---- words ---- */

void
rollover_write(const struct rollover *rollover, struct buffer *out)
{
	buffer_print(out, "%s %s %s %s %lld %lld %u %u %lld %lld",
		phase_names[rollover->phase], rollover->key,
		rollover->next[0] == '\0' ? "-" : rollover->next,
		rollover->old[0] == '\0' ? "-" : rollover->old,
		(long long)rollover->made, (long long)rollover->since,
		rollover->ttl, rollover->ds_ttl,
		(long long)rollover->ds_gone, (long long)rollover->ds_since);
}

static bool
read_name(struct span *text, char name[ROLLOVER_NAME])
{
	struct span word;
	if (!span_word(text, &word) || word.size >= ROLLOVER_NAME)
		return false;
	memset(name, 0, ROLLOVER_NAME);
	if (!span_equals(word, SPAN("-")))
		memcpy(name, word.data, word.size);
	return true;
}

static bool
read_time(struct span *text, int64_t *time)
{
	struct span word;
	uint64_t number;
	if (!span_word(text, &word) ||
	    !span_to_number(word, INT64_MAX / 2, &number))
		return false;
	*time = (int64_t)number;
	return true;
}

static bool
read_ttl(struct span *text, uint32_t *ttl)
{
	int64_t number;
	if (!read_time(text, &number) || number > INT32_MAX)
		return false;
	*ttl = (uint32_t)number;
	return true;
}

bool
rollover_read(struct span text, struct rollover *rollover)
{
	struct span word;
	unsigned phase = 0;
	memset(rollover, 0, sizeof(*rollover));
	if (!span_word(&text, &word))
		return false;
	while (phase < ROLLOVER_PHASES && !span_equals(word,
		span_from(phase_names[phase])))
		phase++;
	rollover->phase = phase;
	if (phase == ROLLOVER_PHASES || !read_name(&text, rollover->key) ||
	    !read_name(&text, rollover->next) ||
	    !read_name(&text, rollover->old) ||
	    !read_time(&text, &rollover->made) ||
	    !read_time(&text, &rollover->since) ||
	    !read_ttl(&text, &rollover->ttl) ||
	    !read_ttl(&text, &rollover->ds_ttl) ||
	    !read_time(&text, &rollover->ds_gone) ||
	    !read_time(&text, &rollover->ds_since))
		return false;
	return rollover->key[0] != '\0' && (rollover->next[0] != '\0' ||
		(phase != ROLLOVER_COMING && phase != ROLLOVER_WAITING &&
		phase != ROLLOVER_GOING));
}
