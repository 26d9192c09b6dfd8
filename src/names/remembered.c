#include "names/remembered.h"

#include <pthread.h>
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

static void
take_line(struct span line)
{
	struct tabline fields;
	struct arena arena;
	struct buffer key;
	arena_init(&arena, 0);
	if (tabline_parse(line, &arena, &fields) && fields.count == 3) {
		make_key(&key, arena_copy_string(&arena, fields.field[0]),
			fields.field[1]);
		put(buffer_span(&key), fields.field[2]);
		buffer_fini(&key);
	}
	arena_fini(&arena);
}

int
remembered_open(int fd, struct error *error)
{
	struct buffer bytes;
	struct span rest, line;
	buffer_init(&bytes, 0);
	pthread_mutex_lock(&all.lock);
	all.fd = fd;
	clear();
	int result = fd < 0 ? 0 : state_file_read(fd, &bytes, error);
	rest = buffer_span(&bytes);
	while (result == 0 && span_split(&rest, '\n', &line))
		take_line(line);
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
write_all(struct buffer *out)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(&all.values, &cursor, &key, &value)) {
		size_t tab = span_find(key, '\t');
		tabline_add(out, span_first(key, tab));
		tabline_add(out, span_skip(key, tab + 1));
		tabline_add(out, buffer_span(value));
		tabline_end(out);
	}
}

int
remembered_save(struct error *error)
{
	struct buffer bytes;
	int result = 0;
	pthread_mutex_lock(&all.lock);
	if (all.is_changed && all.fd >= 0) {
		buffer_init(&bytes, STATE_FILE_LIMIT);
		write_all(&bytes);
		result = buffer_is_overrun(&bytes) ? error_set(error,
			ERROR_USAGE, "more than %d bytes are to be "
			"remembered", STATE_FILE_LIMIT) :
			state_file_write(all.fd, buffer_span(&bytes), error);
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
