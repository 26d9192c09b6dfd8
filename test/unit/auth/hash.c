/* Password hashes that other tools made, all of "secret", and what is no hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "auth/hash.h"

static const struct {
	const char *name, *text;
} made_by_others[] = {
	{ "doveadm pw -s BLF-CRYPT",
		"{BLF-CRYPT}$2y$05$OU8IAhn8tYTJc3tShkvFROk1tN.j2vqh.eHsK/SG.J"
		"qok9p5BGtsO" },
	{ "doveadm pw -s SHA512-CRYPT",
		"{SHA512-CRYPT}$6$Bg9S3yYiE8qgjBXL$55uKwiHHgY97iR.gZLL4Snywiq"
		"5GEJMklONjAtb/nt7R9THJp1rrUHMIp6SG5N16HE0GNrxYnacUjE27DaroY0" },
	{ "doveadm pw -s SHA256-CRYPT",
		"{SHA256-CRYPT}$5$xFnmimC7Y0LfGNpk$xBXcLIIRS3ZZl1QFv8tPpp/eim"
		"rCCUBxCCQl46oYmM6" },
	{ "doveadm pw -s MD5-CRYPT",
		"{MD5-CRYPT}$1$YBvzke2P$YU99RUBgTd1T.pQ2.TYqW/" },
	{ "doveadm pw -s SSHA",
		"{SSHA}98iIdaQUiLiPzezWx5UImm1m2NQcqIdY" },
	{ "doveadm pw -s SSHA256",
		"{SSHA256}poL0kcHbhUg8w4NBq/FvdX8ZXU0hVxilS/VxjUaMsDFha6hR" },
	{ "doveadm pw -s SSHA512",
		"{SSHA512}9z6L8xJa5oCF5ITH7ZzeRAndiGh1gKMw53VZCIpdnORl8mS9d1u"
		"kAKa/QCUgp5zQ/UvHjKhbAD0sQTkEVaTubE+SN+o=" },
	{ "doveadm pw -s SHA",
		"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=" },
	{ "doveadm pw -s SHA256",
		"{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=" },
	{ "doveadm pw -s SHA512",
		"{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnv"
		"CXdhztmeD2cmW192CF5bDufKRpayrW/isg==" },
	{ "doveadm pw -s PBKDF2",
		"{PBKDF2}$1$yXZNFDVzWPHNzKxq$5000$b5a356b0e1b7d3f6c9100f0809e"
		"db60dbb1900ff" },
	{ "doveadm pw -s ARGON2I",
		"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$/Y6GGzl3cmrMftXJrjLF8"
		"g$NvzIhMms7gkUbOfg23ihS158VGeAQs7bFvm99BINzRQ" },
	{ "doveadm pw -s ARGON2ID",
		"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$wn6t+fbfbFf/4Ic/433"
		"F4Q$h5u7+wDkCrsSnIEAylJjEt6xGfkylz9lmAdrap/5Lsw" },
	{ "doveadm pw -s SCRAM-SHA-256",
		"{SCRAM-SHA-256}4096,aATxy2wR36e6/QCP9eaLfw==,77aCkq2FekFzyUN"
		"Dw+BFj9INIG4LmVqorr6KKBOc0qQ=,PJUTTtYuj4yq1jIkHCAXNyyadQHL6X"
		"Hsc+19zQWsMdE=" },
	{ "doveadm pw -s PLAIN",
		"{PLAIN}secret" },
	{ "doveadm pw -s SSHA256.HEX",
		"{SSHA256.HEX}b7f1f02790c0ee8b617f078929c90ac1c39b9323524957d"
		"d266c51cceb44c91fa8d1f4f1" },
	{ "doveadm pw -s SHA256.B64",
		"{SHA256.B64}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=" },
	{ "doveadm pw -s SSHA.B64",
		"{SSHA.B64}4YqAawEni5d2TxeXcvXPNPaytF86EQsz" },
	{ "doveadm pw -s SHA512.HEX",
		"{SHA512.HEX}bd2b1aaf7ef4f09be9f52ce2d8d599674d81aa9d6a442169"
		"6dc4d93dd0619d682ce56b4d64a9ef097761ced99e0f67265b5f76085e5b"
		"0ee7ca4696b2ad6fe2b2" },
	{ "doveadm pw -s SHA1",
		"{SHA1}5en6G6MezRroT3XKqkdPOmY/BfQ=" },
	{ "doveadm pw -s CLEARTEXT",
		"{CLEARTEXT}secret" },
	{ "doveadm pw -s CRYPT",
		"{CRYPT}$2y$05$EX5.5.68uIo5lR9iDXRV8.szajfDspW5qAIHoqNyo53Mch"
		"lvJzoky" },
	{ "mkpasswd -m yescrypt",
		"$y$j9T$3YjAvmxGeF7UdDEE6kZ2q/$cLEXV69C6fuTtqF9i76L.NLbXu9ZCf"
		"DLy6WkcQtbhX7" },
	{ "mkpasswd -m sha512crypt",
		"$6$./CSFbAItU2gp1bd$IKsP4n6JbLw/.WjohZOa8H2ehiF3EfFmf8khwEHw"
		"2WzShsdodixr9BT4uvQR7cX2l4sFAyxa/7k5mQ5pXBHIi0" },
	{ "mkpasswd -m sha256crypt",
		"$5$09WPQ1fHM4BxWU2o$mZ4/e3Y3Dw6.eF7AKN.hMf4P0BnBcI.ne3UhpNFX"
		"EQ7" },
	{ "mkpasswd -m bcrypt",
		"$2b$05$oQcSAg9uPyvxHapV2yIR2evwogePpwUfjNg3g3QW1qOyo99YFel4a" },
	{ "mkpasswd -m md5crypt",
		"$1$PB3VYMWL$jumuBtOpKqsIH5.T1NEQM0" },
	{ "mkpasswd -m sha512crypt -R 1000",
		"$6$rounds=1000$j87LkrtJIiPEJmLm$FcRVK9n7T9yFlW6GsEdqSY.yqLtN"
		"1sl0zRlBuJcf1dJ8wfdyYKLLUryctvUN5KQLnBDxlz0gtb9oVy1v1HPOg/" },
	{ "python hashlib SSHA",
		"{SSHA}tCNGqyJLk/uvKpCa4vga5GB2gWoxMjM0NTY3OA==" },
	{ "python hashlib SHA512.hex",
		"{SHA512.hex}bd2b1aaf7ef4f09be9f52ce2d8d599674d81aa9d6a442169"
		"6dc4d93dd0619d682ce56b4d64a9ef097761ced99e0f67265b5f76085e5b"
		"0ee7ca4696b2ad6fe2b2" },
	{ "python hashlib PBKDF2",
		"{PBKDF2}$1$QCp5FCVcBkzhVwWP$5000$dca71dd30012bd6ea435f8bdb35"
		"1bede290a1508" },
	{ "python hashlib SCRAM, a salt of 16",
		"{SCRAM-SHA-256}4096,MDEyMzQ1Njc4OWFiY2RlZg==,bpSY5Ze9NUH+I35"
		"LC3gVq+DpBfK46iXBxvhAKqVu9pE=,VpYlBuxyzeCI1KnctrefdljpB1mk3G"
		"p7sBI/t11+NkQ=" },
	{ "python hashlib SCRAM, a salt of 12",
		"{SCRAM-SHA-256}4096,MDEyMzQ1Njc4OWFi,bYK/nA2Lw17JpvFo7Xz+64K"
		"AvksJi35PWUI0Nlws+tE=,onD7JCIEsXfFHvhrhUQVXk6l+TLDHrZuJdZLUL"
		"vPDX0=" },
	{ "a scheme in small letters",
		"{ssha}tCNGqyJLk/uvKpCa4vga5GB2gWoxMjM0NTY3OA==" },
};

static enum hash_verdict
check(const char *name, const char *text, struct span password)
{
	struct hash hash;
	struct error error;
	if (hash_parse(span_from(text), &hash, &error) != 0)
		fail_msg("%s: %s", name, error.text);
	return hash_check(&hash, password);
}

static void
the_password_is_right_and_others_are_not(void **state)
{
	static const struct span wrong[] = { { "Secret", 6 }, { "secre", 5 },
		{ "secret ", 7 }, { "", 0 }, { "secret\0", 7 } };
	(void)state;
	for (size_t i = 0; i < sizeof(made_by_others) /
		sizeof(made_by_others[0]); i++) {
		const char *name = made_by_others[i].name;
		if (check(name, made_by_others[i].text, SPAN("secret")) !=
			HASH_RIGHT)
			fail_msg("%s: the password is not taken", name);
		for (size_t j = 0; j < 5; j++)
			if (check(name, made_by_others[i].text, wrong[j]) !=
				HASH_WRONG)
				fail_msg("%s: wrong password %zu is taken",
					name, j);
	}
}

/* Cut anywhere it is another hash or none, but never one of this password;
 * a plain password cut is another password. */
static void
a_hash_cut_short_is_nobodys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(made_by_others) /
		sizeof(made_by_others[0]); i++) {
		struct span whole = span_from(made_by_others[i].text);
		struct hash hash;
		struct error error;
		if (hash_parse(whole, &hash, &error) != 0)
			fail_msg("%s", error.text);
		struct span cut = span_first(whole, whole.size - 1);
		if (hash.kind == HASH_ARGON2I || hash.kind == HASH_ARGON2ID)
			continue;
		if (hash_parse(cut, &hash, &error) == 0 &&
			hash_check(&hash, SPAN("secret")) != HASH_WRONG)
			fail_msg("%s: cut short it is still taken",
				made_by_others[i].name);
	}
}

static void
only_keys_like_ours_answer_scram(void **state)
{
	struct hash hash;
	struct error error;
	struct scram_keys keys, made = { .iterations = 4096 };
	(void)state;
	for (size_t i = 0; i < sizeof(made_by_others) /
		sizeof(made_by_others[0]); i++) {
		const char *name = made_by_others[i].name;
		if (hash_parse(span_from(made_by_others[i].text), &hash,
			&error) != 0)
			fail_msg("%s: %s", name, error.text);
		assert_int_equal(hash_get_keys(&hash, &keys),
			hash.kind == HASH_SCRAM &&
			strstr(name, "of 12") == NULL);
		if (strstr(name, "of 16") == NULL)
			continue;
		memcpy(made.salt, "0123456789abcdef", 16);
		scram_derive_keys(SPAN("secret"), &made);
		assert_true(scram_keys_are_equal(&made, &keys));
		assert_memory_equal(made.server_key, keys.server_key,
			sizeof(made.server_key));
	}
}

static const struct {
	const char *name, *text, *says;
} refused[] = {
	{ "nothing", "", "empty" },
	{ "an account that is locked", "!", "begin" },
	{ "a locked hash", "!$6$abc$def", "begin" },
	{ "a password by itself", "secret", "begin" },
	{ "shadow's star", "*", "begin" },
	{ "{NONE}", "{NONE}", "{NONE}" },
	{ "{NONE} with a hash", "{NONE}secret", "{NONE}" },
	{ "a scheme nobody has", "{ROT13}frperg", "{ROT13}" },
	{ "a scheme without its end", "{SSHA", "{SSHA}" },
	{ "an encoding nobody has", "{SHA.b32}AAAA", "{SHA}" },
	{ "an encoding where none is", "{PLAIN.hex}00", "{PLAIN}" },
	{ "DES", "{CRYPT}ab01FAX.bQRSU", "begin" },
	{ "a method that is not there", "$md5$abc", "method" },
	{ "the wrong method of a scheme", "{SHA512-CRYPT}$5$abc$def", "begin" },
	{ "no base64", "{SHA}***", "encoded" },
	{ "a digest too short", "{SHA256}5en6G6MezRroT3XKqkdPOmY/BfQ=",
		"length" },
	{ "a salt where none is", "{SHA}tCNGqyJLk/uvKpCa4vga5GB2gWoxMjM0NTY3"
		"OA==", "length" },
	{ "no salt", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "length" },
	{ "hours of sha-crypt", "$6$rounds=999999999$abc$def", "costs" },
	{ "hours of bcrypt",
		"$2b$31$oQcSAg9uPyvxHapV2yIR2evwogePpwUfjNg3g3QW1qOyo99YFel4a",
		"costs" },
	{ "gigabytes of yescrypt", "$y$jHT$3YjAvmxGeF7UdDEE6kZ2q/$cLEX",
		"costs" },
	{ "gigabytes of Argon2",
		"{ARGON2ID}$argon2id$v=19$m=4194304,t=1,p=1$AAAA$AAAA",
		"costs" },
	{ "hours of Argon2",
		"{ARGON2ID}$argon2id$v=19$m=262144,t=99,p=1$AAAA$AAAA",
		"costs" },
	{ "Argon2 of the other kind",
		"{ARGON2ID}$argon2i$v=19$m=32768,t=4,p=1$AAAA$AAAA", "begin" },
	{ "hours of PBKDF2", "{PBKDF2}$1$salt$99999999$00", "rounds" },
	{ "SCRAM without rounds", "{SCRAM-SHA-256}0,AAAA,AAAA,AAAA",
		"iterations" },
};

static void
what_is_not_understood_is_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct hash hash;
		struct error error;
		if (hash_parse(span_from(refused[i].text), &hash, &error) == 0)
			fail_msg("%s: it was taken", refused[i].name);
		if (strstr(error.text, refused[i].says) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"",
				refused[i].name, error.text, refused[i].says);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_password_is_right_and_others_are_not),
		cmocka_unit_test(a_hash_cut_short_is_nobodys),
		cmocka_unit_test(only_keys_like_ours_answer_scram),
		cmocka_unit_test(
			what_is_not_understood_is_refused_with_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
