/*
 * From expansions to the recipients of an envelope.
 */
#include "queue/collect.h"

#include <string.h>

#include "base/map.h"

/* Forms of key, told apart by their first byte. A mailbox gets one copy;
 * for another host the whole address counts, domain without case. */
static struct span
key_of(struct arena *arena, const struct target *target)
{
	char *key;
	if (target->is_program)
		return arena_print(arena, "P%u:%d:%u:%.*s",
			(unsigned)target->program.owner,
			target->program.is_forward, target->program.index,
			SPAN_PRINT(target->program.key));
	if (target->is_local) {
		key = arena_new(arena, 1 + sizeof(target->account));
		key[0] = 'L';
		memcpy(key + 1, &target->account, sizeof(target->account));
		return span_of(key, 1 + sizeof(target->account));
	}
	struct span address = target->address;
	key = arena_new(arena, 1 + address.size);
	key[0] = 'R';
	memcpy(key + 1, address.data, address.size);
	size_t at = address.size;
	while (at > 0 && address.data[at - 1] != '@')
		at--;
	for (; at > 0 && at < address.size; at++)
		key[1 + at] = span_lower_byte(address.data[at]);
	return span_of(key, 1 + address.size);
}

static bool
is_first(struct map *seen, struct arena *arena, const struct target *target)
{
	struct span key = key_of(arena, target);
	if (map_get(seen, key) != NULL)
		return false;
	map_put(seen, key, seen);
	return true;
}

static struct recipient *
recipient_add(struct envelope *envelope, const struct mail_recipient *from,
	struct span to)
{
	struct recipient *new = &envelope->recipient[envelope->count++];
	*new = (struct recipient){ .to = to, .orcpt = from->rcpt.orcpt,
		.notify = from->rcpt.notify };
	if (!span_equals(to, from->address))
		new->original = from->address;
	return new;
}

/* Mail from <> stays so also behind a list: nobody is to answer it (RFC 5321
 * 4.5.5). */
static void
add_target(struct envelope *envelope, const struct mail_recipient *from,
	const struct target *target)
{
	const bool is_null = envelope->sender.size == 0;
	struct recipient *new = recipient_add(envelope, from, target->address);
	new->is_local = target->is_local;
	new->account = target->account;
	new->quota = target->quota;
	new->is_final = target->is_final;
	new->is_program = target->is_program;
	new->program = target->program;
	new->state = target->is_local || target->is_program ?
		RECIPIENT_WAITING : RECIPIENT_RELAY;
	if (target->sender.size == 0 || is_null)
		return;
	/* RFC 3461 5.2.7.3: what the sender wanted to know ends at the list. */
	new->sender = target->sender;
	new->notify = 0;
	new->orcpt.size = 0;
}

static void
add_unknown(struct envelope *envelope, const struct mail_recipient *from)
{
	struct recipient *new = recipient_add(envelope, from, from->address);
	new->state = RECIPIENT_BOUNCE;
	new->reply = (struct delivery_reply){ 550, SPAN("5.1.1"),
		SPAN("no such user here") };
}

bool
collect_recipients(struct envelope *envelope, struct arena *arena,
	const struct mail_recipient *recipient,
	const struct expansion *expansion, size_t count)
{
	struct map seen;
	size_t most = 0;
	for (size_t i = 0; i < count; i++)
		most += expansion[i].verdict == EXPAND_UNKNOWN ? 1 :
			expansion[i].count;
	if (most > COLLECT_LIMIT)
		return false;
	envelope->recipient = arena_new_array(arena, most,
		sizeof(struct recipient));
	envelope->count = 0;
	map_init(&seen);
	for (size_t i = 0; i < count; i++) {
		if (expansion[i].verdict == EXPAND_UNKNOWN) {
			add_unknown(envelope, &recipient[i]);
			continue;
		}
		for (size_t j = 0; j < expansion[i].count; j++)
			if (most == 1 || is_first(&seen, arena,
				&expansion[i].target[j]))
				add_target(envelope, &recipient[i],
					&expansion[i].target[j]);
	}
	map_fini(&seen);
	return true;
}
