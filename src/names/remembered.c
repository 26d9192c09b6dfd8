#include "names/remembered.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/state_file.h"
#include "proto/tabline.h"

/* As map keys: the kind, a tab (no kind or key has one), the key. */
static struct {
	pthread_mutex_t lock;		/* of the following */
	struct map values;		/* to struct buffer */
	int fd;
	bool is_changed;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- in memory, with the lock held ---- */

static void
free_value(struct buffer *value)
{
	if (value == NULL)
		return;
	buffer_fini(value);
	memory_free(value);
}

static void
make_key(struct buffer *out, const char *kind, struct span key)
{
	buffer_init(out, 0);
	buffer_print(out, "%s\t", kind);
	buffer_add(out, key);
}

static void
put(struct span key, struct span value)
{
	struct buffer *new;
	if (value.size == 0) {
		free_value(map_take(&all.values, key));
		return;
	}
	new = memory_new(sizeof(*new));
	buffer_init(new, 0);
	buffer_add(new, value);
	free_value(map_put(&all.values, key, new));
}

static void
clear(void)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(&all.values, &cursor, &key, &value))
		free_value(value);
	map_fini(&all.values);
	map_init(&all.values);
}

/* ---- the file ---- */

/*
 * Thousands of domains have the same records but for the domain's name: in the
 * file such a value is written once, in a line of kind "text" with a number, its
 * own key's first word replaced by OWN_NAME; values are SAME_TEXT and the number.
 */
enum { OWN_NAME = 1, SAME_TEXT = 2, SHARED = 64 /* octets, at least */ };

static struct span
own_name(struct span key)
{
	return span_first(key, span_find(key, ' '));
}

/* Puts `to` for each `from`. */
static void
replace(struct buffer *out, struct span text, struct span from, struct span to)
{
	for (;;) {
		size_t at = from.size == 0 ? text.size :
			span_search(text, from);
		buffer_add(out, span_first(text, at));
		if (at >= text.size)
			return;
		buffer_add(out, to);
		text = span_skip(text, at + from.size);
	}
}

static const char own[] = { OWN_NAME };

/* What a line says; texts: those of the lines before, as values. */
static void
take_value(struct map *texts, const struct tabline *fields, struct arena *arena)
{
	struct buffer key, value;
	struct span text = fields->field[2];
	buffer_init(&value, 0);
	if (span_equals(fields->field[0], SPAN("text"))) {
		struct span *copy = arena_new(arena, sizeof(*copy));
		*copy = arena_copy(arena, text);
		map_put(texts, fields->field[1], copy);
		return;
	}
	if (text.size > 0 && text.data[0] == SAME_TEXT &&
	    span_equals(fields->field[0], SPAN("part"))) {
		const struct span *same = map_get(texts, span_skip(text, 1));
		replace(&value, same == NULL ? SPAN("") : *same,
			span_of(own, sizeof(own)), own_name(fields->field[1]));
		text = buffer_span(&value);
	}
	make_key(&key, arena_copy_string(arena, fields->field[0]),
		fields->field[1]);
	put(buffer_span(&key), text);
	buffer_fini(&key);
	buffer_fini(&value);
}

static void
take_all(struct span bytes)
{
	struct tabline fields;
	struct arena arena;
	struct map texts;
	struct span line;
	arena_init(&arena, 0);
	map_init(&texts);
	while (span_split(&bytes, '\n', &line))
		if (tabline_parse(line, &arena, &fields) && fields.count == 3)
			take_value(&texts, &fields, &arena);
	map_fini(&texts);
	arena_fini(&arena);
}

int
remembered_open(int fd, struct error *error)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	pthread_mutex_lock(&all.lock);
	all.fd = fd;
	clear();
	int result = fd < 0 ? 0 : state_file_read(fd, &bytes, error);
	if (result == 0)
		take_all(buffer_span(&bytes));
	pthread_mutex_unlock(&all.lock);
	buffer_fini(&bytes);
	return result;
}

void
remembered_close(void)
{
	pthread_mutex_lock(&all.lock);
	clear();
	map_fini(&all.values);
	all.fd = -1;
	all.is_changed = false;
	pthread_mutex_unlock(&all.lock);
}

static void
write_line(struct buffer *out, struct span kind, struct span key,
	struct span value)
{
	tabline_add(out, kind);
	tabline_add(out, key);
	tabline_add(out, value);
	tabline_end(out);
}

/* The line of the text before, unless it is there. `numbers`: of the texts. */
static void
write_text(struct buffer *out, struct map *numbers, struct span key,
	struct span value)
{
	char number[24], same[24];
	struct buffer text;
	buffer_init(&text, 0);
	replace(&text, value, own_name(key), span_of(own, sizeof(own)));
	size_t of = (size_t)(uintptr_t)map_get(numbers, buffer_span(&text));
	bool is_new = of == 0;
	if (is_new) {
		of = map_count(numbers) + 1;
		map_put(numbers, buffer_span(&text), (void *)(uintptr_t)of);
	}
	snprintf(number, sizeof(number), "%zu", of);
	snprintf(same, sizeof(same), "%c%zu", SAME_TEXT, of);
	if (is_new)
		write_line(out, SPAN("text"), span_from(number),
			buffer_span(&text));
	write_line(out, SPAN("part"), key, span_from(same));
	buffer_fini(&text);
}

static void
write_all(struct buffer *out)
{
	size_t cursor = 0;
	struct span key;
	struct map numbers;
	void *value;
	map_init(&numbers);
	while (map_next(&all.values, &cursor, &key, &value)) {
		size_t tab = span_find(key, '\t');
		struct span kind = span_first(key, tab);
		struct span text = buffer_span(value);
		key = span_skip(key, tab + 1);
		if (span_equals(kind, SPAN("part")) && text.size > SHARED &&
		    span_find(text, OWN_NAME) == text.size)
			write_text(out, &numbers, key, text);
		else
			write_line(out, kind, key, text);
	}
	map_fini(&numbers);
}

/* With the lock held; the caller ends the buffer. */
static int
collect(struct buffer *bytes, struct error *error)
{
	buffer_init(bytes, STATE_FILE_LIMIT);
	write_all(bytes);
	return !buffer_is_overrun(bytes) ? 0 : error_set(error, ERROR_FULL,
		"more than %d bytes are to be remembered in dns_state_file",
		STATE_FILE_LIMIT);
}

int
remembered_has_room(struct error *error)
{
	struct buffer bytes;
	int result = 0;
	pthread_mutex_lock(&all.lock);
	if (all.is_changed && all.fd >= 0) {
		result = collect(&bytes, error);
		buffer_fini(&bytes);
	}
	pthread_mutex_unlock(&all.lock);
	return result;
}

int
remembered_save(struct error *error)
{
	struct buffer bytes;
	int result = 0;
	pthread_mutex_lock(&all.lock);
	if (all.is_changed && all.fd >= 0) {
		result = collect(&bytes, error);
		if (result == 0)
			result = state_file_write(all.fd, buffer_span(&bytes),
				error);
		buffer_fini(&bytes);
	}
	if (result == 0)
		all.is_changed = false;
	pthread_mutex_unlock(&all.lock);
	return result;
}

/* ---- values ---- */

bool
remembered_get(const char *kind, struct span key, struct arena *arena,
	struct span *value)
{
	struct buffer whole;
	make_key(&whole, kind, key);
	pthread_mutex_lock(&all.lock);
	const struct buffer *found = map_get(&all.values, buffer_span(&whole));
	if (found != NULL)
		*value = arena_copy(arena, buffer_span(found));
	pthread_mutex_unlock(&all.lock);
	buffer_fini(&whole);
	return found != NULL;
}

bool
remembered_put(const char *kind, struct span key, struct span value)
{
	struct buffer whole;
	make_key(&whole, kind, key);
	pthread_mutex_lock(&all.lock);
	const struct buffer *old = map_get(&all.values, buffer_span(&whole));
	bool is_change = !span_equals(old == NULL ? SPAN("") :
		buffer_span(old), value);
	if (is_change)
		put(buffer_span(&whole), value);
	all.is_changed |= is_change;
	pthread_mutex_unlock(&all.lock);
	buffer_fini(&whole);
	return is_change;
}

void
remembered_walk(const char *kind, void (*function)(void *context,
	struct span key, struct span value), void *context)
{
	size_t cursor = 0, size = strlen(kind);
	struct span key;
	void *value;
	pthread_mutex_lock(&all.lock);
	while (map_next(&all.values, &cursor, &key, &value))
		if (span_starts(key, span_from(kind)) && key.size > size &&
		    key.data[size] == '\t')
			function(context, span_skip(key, size + 1),
				buffer_span(value));
	pthread_mutex_unlock(&all.lock);
}
