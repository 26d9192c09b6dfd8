/* Servers and trust anchors as administrators write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/sources.h"

static void
test_forwarders(void **state)
{
	struct sources_servers list;
	(void)state;
	sources_read_forwarders(SPAN("192.0.2.1, ::1@54"), &list);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.server[0].port, 53);
	assert_int_equal(list.server[1].port, 54);
	sources_read_forwarders(SPAN(" "), &list);
	assert_int_equal(list.count, 0);
	sources_read_forwarders(SPAN("1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 "
		"1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9"), &list);
	assert_int_equal(list.count, SOURCES_SERVERS);
}

static void
test_resolv_conf(void **state)
{
	const struct span text = SPAN("# comment\nsearch example\n"
		"nameserver\t192.0.2.1 \nnameserver fe80::1%eth0\n"
		"nameserver nowhere\n;nameserver 192.0.2.9\nnameserver\n"
		"options edns0\nnameserver 127.0.0.1\nnameserver ::1");
	struct sources_servers list;
	(void)state;
	sources_read_resolv_conf(text, 0, &list);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.server[0].port, 53);
	sources_read_resolv_conf(text, 20053, &list);
	assert_int_equal(list.count, 3);
	/* we would ask ourselves */
	sources_read_resolv_conf(text, 53, &list);
	assert_int_equal(list.count, 1);
	sources_read_resolv_conf(SPAN(""), 0, &list);
	assert_int_equal(list.count, 0);
}

static void
test_anchors(void **state)
{
	struct span rest = SPAN("; only\n\n. DS 1 8 2 ab ; key 1\r\n"
		".\t172800 IN DNSKEY 257 3 8 AwEA=\n"), record;
	(void)state;
	assert_true(sources_next_anchor(&rest, &record));
	assert_true(span_equals(record, SPAN(". DS 1 8 2 ab")));
	assert_true(sources_next_anchor(&rest, &record));
	assert_true(span_equals(record,
		SPAN(".\t172800 IN DNSKEY 257 3 8 AwEA=")));
	assert_false(sources_next_anchor(&rest, &record));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forwarders),
		cmocka_unit_test(test_resolv_conf),
		cmocka_unit_test(test_anchors),
	};
	return cmocka_run_group_tests_name("sources", tests, NULL, NULL);
}
