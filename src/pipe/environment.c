/* See environment.h. */
#include "pipe/environment.h"

#include <stdlib.h>
#include <string.h>

enum { ENVIRONMENT_COUNT = 16 };

struct environment {
	struct arena *arena;
	char **value;
	size_t count;
};

static void
add(struct environment *environment, const char *name, struct span value)
{
	struct span text = arena_print(environment->arena, "%s=%.*s", name,
		SPAN_PRINT(value));
	environment->value[environment->count++] = arena_copy_string(
		environment->arena, text);
}

/* What scripts put on command lines without thinking: everything that a shell
 * would look at becomes an underscore (command_expansion_filter of Postfix). */
static void
add_filtered(struct environment *environment, const char *name,
	struct span value)
{
	static const char allowed[] = "1234567890!@%-_=+:,./"
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *copy = arena_copy_string(environment->arena, value);
	for (size_t i = 0; i < value.size; i++)
		if (copy[i] == '\0' || strchr(allowed, copy[i]) == NULL)
			copy[i] = '_';
	add(environment, name, span_of(copy, value.size));
}

/* The local part is NAME and what stands behind it; the key of .forward+x is
 * what stands behind, that of an alias is its name. */
static void
add_local(struct environment *environment, const struct pipe_delivery *delivery)
{
	const struct smtp_rcpt *rcpt = &delivery->recipient->rcpt;
	struct span local = rcpt->path.local;
	struct buffer key;
	buffer_init(&key, 0);
	smtp_xtext_decode(&key, rcpt->key);
	size_t base = rcpt->is_forward && key.size <= local.size ?
		local.size - key.size : key.size;
	buffer_fini(&key);
	if (base > local.size)
		base = local.size;
	add_filtered(environment, "LOCAL", local);
	add_filtered(environment, "EXTENSION", span_skip(local, base + 1));
	add_filtered(environment, "DOMAIN", rcpt->path.domain);
}

char **
environment_make(const struct pipe_delivery *delivery, struct arena *arena)
{
	const struct pipe *pipe = delivery->pipe;
	struct environment environment = { .arena = arena,
		.value = arena_new_array(arena, ENVIRONMENT_COUNT + 1,
		sizeof(char *)) };
	add(&environment, "PATH", SPAN("/usr/bin:/bin"));
	add(&environment, "HOME", span_from(pipe->home));
	add(&environment, "USER", span_from(pipe->user));
	add(&environment, "LOGNAME", span_from(pipe->user));
	add(&environment, "SHELL", span_from(pipe->shell));
	if (getenv("TZ") != NULL)
		add(&environment, "TZ", span_from(getenv("TZ")));
	add_filtered(&environment, "SENDER", delivery->transaction->sender);
	add_filtered(&environment, "RECIPIENT", delivery->recipient->address);
	add_filtered(&environment, "ORIGINAL_RECIPIENT", delivery->original);
	add_local(&environment, delivery);
	environment.value[environment.count] = NULL;
	return environment.value;
}
