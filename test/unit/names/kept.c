/* Zones over restarts: what is there again, and what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "names/kept.h"

enum { NOW = 1000000, EXPIRE = 1000 };

static struct dns_name
name_of(const char *text)
{
	struct dns_name name;
	assert_true(dns_name_from_text(span_from(text), &name));
	return name;
}

/* With so many addresses beside SOA and NS. */
static struct zone *
make(const char *origin, unsigned serial, unsigned count)
{
	struct arena arena;
	struct zone *zone;
	struct error error;
	struct buffer text;
	buffer_init(&text, 0);
	buffer_print(&text, "@ 60 SOA ns root %u 1 1 1 1\n@ 60 NS Ns\n", serial);
	for (unsigned i = 0; i < count; i++)
		buffer_print(&text, "n%u 60 A 10.0.%u.%u\n", i, i / 256,
			i % 256);
	arena_init(&arena, 0);
	struct zone_text records = { .arena = &arena,
		.origin = name_of(origin), .file = "test" };
	if (zone_text_read(&records, buffer_span(&text), &error) < 0 ||
	    zone_new(&records, &zone, &error) < 0)
		fail_msg("%s", error.text);
	arena_fini(&arena);
	buffer_fini(&text);
	return zone;
}

static void
put(const char *origin, unsigned serial, unsigned count, int64_t now)
{
	struct error error;
	struct zone *zone = make(origin, serial, count);
	if (kept_put(zone, EXPIRE, now, &error) <= 0)
		fail_msg("%s", error.text);
	zone_free(&zone);
}

/* The serial that is kept, 0: none; the zone is as it was made. */
static unsigned
serial_of(const char *origin, int64_t now, int64_t *age)
{
	struct dns_name name = name_of(origin);
	struct zone *zone = kept_load(&name, now, age);
	if (zone == NULL)
		return 0;
	unsigned serial = zone->serial;
	struct zone *same = make(origin, serial, (unsigned)zone->node_count -
		1);
	assert_int_equal(zone->node_count, same->node_count);
	for (size_t i = 0; i < zone->node_count; i++) {
		const struct zone_node *a = zone->nodes[i], *b = same->nodes[i];
		assert_int_equal(a->set_count, b->set_count);
		assert_memory_equal(a->name, b->name, b->name_size);
		for (unsigned j = 0; j < a->set_count; j++) {
			assert_int_equal(a->sets[j].ttl, b->sets[j].ttl);
			assert_int_equal(a->sets[j].size, b->sets[j].size);
			assert_memory_equal(a->sets[j].data, b->sets[j].data,
				b->sets[j].size);
		}
	}
	zone_free(&same);
	zone_free(&zone);
	return serial;
}

static void
open_again(int fd, int64_t now)
{
	struct error error;
	kept_close();
	if (kept_open(fd, now, &error) < 0)
		fail_msg("%s", error.text);
}

static void
zones_are_there_again(void **state)
{
	struct error error;
	int64_t age;
	(void)state;
	int fd = file_open_memory("kept", SPAN(""), &error);
	open_again(fd, NOW);
	put("a.test", 1, 3, NOW);
	put("b.test", 1, 1000, NOW);
	put("a.test", 2, 500, NOW + 10);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(serial_of("a.test", NOW + 15, &age), 2);
		assert_int_equal(age, 5);
		assert_int_equal(serial_of("b.test", NOW + 15, &age), 1);
		assert_int_equal(age, 15);
		assert_int_equal(serial_of("c.test", NOW, &age), 0);
		open_again(fd, NOW + 15);
	}
	/* room that is free is used again */
	for (unsigned i = 3; i < 100; i++)
		put("a.test", i, i % 7 * 200, NOW + 10);
	assert_true(lseek(fd, 0, SEEK_END) < 60 * KEPT_BLOCK);
	open_again(fd, NOW + 15);
	assert_int_equal(serial_of("a.test", NOW + 15, &age), 99);
	assert_int_equal(serial_of("b.test", NOW + 15, &age), 1);
	kept_close();
	assert_int_equal(serial_of("a.test", NOW + 15, &age), 0);
	file_close(&fd);
}

/* RFC 1034 4.3.5, also for the time that we were not there. */
static void
they_expire(void **state)
{
	struct error error;
	int64_t age;
	(void)state;
	int fd = file_open_memory("kept", SPAN(""), &error);
	open_again(fd, NOW);
	put("a.test", 1, 3, NOW);
	put("b.test", 7, 3, NOW);
	struct zone *same = make("a.test", 1, 3), *other = make("b.test", 8, 3);
	assert_true(kept_confirm(same, NOW + 900));
	/* that is not the version that is kept */
	assert_false(kept_confirm(other, NOW + 900));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(serial_of("a.test", NOW + 1500, &age), 1);
		assert_int_equal(age, 600);
		assert_int_equal(serial_of("b.test", NOW + 1500, &age), 0);
		assert_int_equal(serial_of("a.test", NOW + 1899, &age), 1);
		assert_int_equal(serial_of("a.test", NOW + 1900, &age), 0);
		/* a clock that begins in 1970 */
		assert_int_equal(serial_of("a.test", 5, &age), 1);
		assert_int_equal(age, 0);
		open_again(fd, NOW + 1500);
	}
	/* what was expired at the start has made room */
	open_again(fd, NOW + 5000);
	assert_int_equal(lseek(fd, 0, SEEK_END), KEPT_BLOCK);
	zone_free(&same);
	zone_free(&other);
	kept_close();
	file_close(&fd);
}

/* The old version is given up there, when the new one is synced. */
static bool
was_row(const struct buffer *before, const struct buffer *after, size_t at)
{
	return memcmp(before->data + at, "PHzone1\n", 8) == 0 &&
		memcmp(before->data + at, after->data + at, 8) != 0;
}

/* A crash while b is written a second time, before it is synced: whatever of it
 * is on the disk, a is there, and b in one of its versions. */
static void
a_crash_loses_nothing(void **state)
{
	struct error error;
	struct buffer before, after;
	int64_t age;
	(void)state;
	buffer_init(&before, 0);
	buffer_init(&after, 0);
	int fd = file_open_memory("kept", SPAN(""), &error);
	open_again(fd, NOW);
	put("a.test", 1, 3, NOW);
	put("b.test", 1, 300, NOW);
	assert_int_equal(file_read_descriptor(fd, 1 << 20, &before, &error), 0);
	put("b.test", 2, 300, NOW);
	assert_int_equal(file_read_descriptor(fd, 1 << 20, &after, &error), 0);
	while (before.size < after.size)
		buffer_add_byte(&before, 0);
	unsigned seen[3] = { 0, 0, 0 };
	srand(1);
	for (unsigned i = 0; i < 300; i++) {
		int crashed = file_open_memory("kept", buffer_span(&before),
			&error);
		size_t most = (size_t)rand() % 100;
		for (size_t at = 0; at < after.size; at += 512)
			if ((size_t)rand() % 100 < most &&
			    !was_row(&before, &after, at))
				assert_int_equal(pwrite(crashed, after.data +
					at, 512 < after.size - at ? 512 :
					after.size - at, (off_t)at) > 0, 1);
		open_again(crashed, NOW);
		assert_int_equal(serial_of("a.test", NOW, &age), 1);
		unsigned serial = serial_of("b.test", NOW, &age);
		assert_in_range(serial, 1, 2);
		seen[serial]++;
		kept_close();
		file_close(&crashed);
	}
	assert_true(seen[1] > 100);
	buffer_fini(&before);
	buffer_fini(&after);
	file_close(&fd);
}

/* No octet of a row can be another without the zone being forgotten, and what a
 * zone holds is no row of another. */
static void
damage_is_seen(void **state)
{
	struct error error;
	struct buffer good;
	int64_t age;
	(void)state;
	buffer_init(&good, 0);
	int fd = file_open_memory("kept", SPAN(""), &error);
	open_again(fd, NOW);
	put("a.test", 1, 3, NOW);
	assert_int_equal(file_read_descriptor(fd, 1 << 20, &good, &error), 0);
	for (size_t at = 0; at < good.size; at++) {
		if (at == 24)
			at = KEPT_BLOCK;
		char octet = (char)(good.data[at] ^ 1);
		assert_int_equal(pwrite(fd, &octet, 1, (off_t)at), 1);
		open_again(fd, NOW);
		bool is_head = at < KEPT_BLOCK + 50u || at > KEPT_BLOCK +
			KEPT_BODY;
		if (is_head)
			assert_int_equal(serial_of("a.test", NOW, &age), 0);
		kept_close();
		assert_int_equal(pwrite(fd, good.data, good.size, 0),
			good.size);
	}
	for (size_t size = 0; size < good.size; size += 97) {
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		open_again(fd, NOW);
		assert_int_equal(serial_of("a.test", NOW, &age), 0);
		put("b.test", 3, 1, NOW);
		open_again(fd, NOW);
		assert_int_equal(serial_of("b.test", NOW, &age), 3);
		kept_close();
		assert_int_equal(pwrite(fd, good.data, good.size, 0),
			good.size);
	}
	buffer_fini(&good);
	file_close(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_are_there_again),
		cmocka_unit_test(they_expire),
		cmocka_unit_test(a_crash_loses_nothing),
		cmocka_unit_test(damage_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
