/* What smtpd says: conversations with the neighbours of world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "script.h"

#define OUTSIDE "198.51.100.7"
#define INSIDE "10.1.2.3"

#define HELLO "S: 220 mail.example.test ESMTP\nC: EHLO client.example\n" \
	"S: 250-mail.example.test\n"
#define ENVELOPE "C: MAIL FROM:<bob@elsewhere.example>\nS: 250 2.1.0\n" \
	"C: RCPT TO:<alice@example.test>\nS: 250 2.1.5\n"
#define BODY "C: Subject: x\nC: \nC: hello\nC: .\n"
#define LOGIN "C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 235 2.7.0\n"

static const struct script scripts[] = {
	/* ---- the ordinary ---- */
	{ "a message comes in", "smtp", OUTSIDE, { NULL }, HELLO
		"S+ 250-PIPELINING\nS+ 250-SIZE 67108864\nS+ 250-STARTTLS\n"
		"S+ 250-ENHANCEDSTATUSCODES\nS+ 250-8BITMIME\n"
		"S+ 250-CHUNKING\nS+ 250-BINARYMIME\nS+ 250-SMTPUTF8\n"
		"S+ 250-DSN\nS+ 250 LIMITS RCPTMAX=1000\nS- 250-AUTH\n"
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250 2.0.0 Accepted as\n"
		"Q 1\nQC MAIL FROM:<bob@elsewhere.example> SIZE=\n"
		"QC  XTRACE=\nQC  XSESSION=\nQC  XTRANSACTION=\nQC-  XACTOR=\n"
		"QC RCPT TO:<alice@example.test>\\r\\n\n"
		"QB Received: from client.example ([198.51.100.7])\\r\\n\\t"
			"by mail.example.test (Posthouse) with ESMTP\\r\\n\n"
		"QB for <alice@example.test>;\\r\\n\\t\n"
		"QB  +0000\\r\\nSubject: x\\r\\n\\r\\nhello\\r\\n\n"
		"QB- Date:\nC: QUIT\nS: 221 2.0.0\nX" },
	{ "two messages on one connection", "smtp", OUTSIDE, { NULL }, HELLO
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250\n"
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250\nQ 2" },
	{ "HELO is SMTP", "smtp", OUTSIDE, { NULL },
		"S: 220\nC: HELO old.example\nS: 250 mail.example.test\n"
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250\n"
		"QB with SMTP\\r\\n" },
	{ "commands in any case", "smtp", OUTSIDE, { NULL },
		"S: 220\nC: ehlo x\nS: 250-\nC: mail from:<a@b.example>\n"
		"S: 250\nC: rcpt to:<alice@example.test>\nS: 250\nC: data\n"
		"S: 354\n" BODY "S: 250\nC: quit\nS: 221\nX" },
	{ "everything pipelined", "smtp", OUTSIDE, { NULL }, "S: 220\n"
		"C: EHLO x\nC: MAIL FROM:<>\nC: RCPT TO:<alice@example.test>\n"
		"C: RCPT TO:<nobody@example.test>\nC: DATA\n" BODY
		"C: NOOP\nC: QUIT\nS: 250-\nS: 250 2.1.0\nS: 250 2.1.5\n"
		"S: 550 5.1.1 <nobody@example.test>\nS: 354\nS: 250\n"
		"S: 250 2.0.0 OK\nS: 221\nX\nQ 1\nQC MAIL FROM:<>" },
	{ "content in small pieces", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nR: a\\r\nR: \\n..\nR: \\r\\n\\r\nR: \\n.\n"
		"R: \\r\nR: \\nNO\nR: OP\\r\\n\nS: 250\nS: 250 2.0.0 OK\n"
		"QB +0000\\r\\n\\r\\na\\r\\n.\\r\\n\\r\\n" },
	{ "small commands", "smtp", OUTSIDE, { NULL }, "S: 220\nC: NOOP\n"
		"S: 250\nC: NOOP with words\nS: 250\nC: HELP\nS: 214\n"
		"C: VRFY alice\nS: 252 2.5.0\nC: VRFY\nS: 501 5.5.4\n"
		"C: EXPN staff\nS: 502 5.5.1\nC: ETRN x\nS: 502\nC: RSET\n"
		"S: 250\nC: RSET x\nS: 501\nC: QUIT x\nS: 501\nC: FOO\n"
		"S: 500 5.5.1\nC: \nS: 500" },
	{ "the null sender", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<alice@example.test>\n"
		"S: 250\nC: DATA\nS: 354\n" BODY "S: 250\nQC MAIL FROM:<> " },
	/* ---- order ---- */
	{ "commands in wrong order", "smtp", OUTSIDE, { NULL }, "S: 220\n"
		"C: MAIL FROM:<a@b.example>\nS: 503 5.5.1 Say EHLO\n"
		"C: RCPT TO:<alice@example.test>\nS: 503\nC: DATA\nS: 503\n"
		"C: EHLO\nS: 501\nC: EHLO a b\nS: 501\nC: EHLO x\nS: 250-\n"
		"C: RCPT TO:<alice@example.test>\nS: 503 5.5.1 Say MAIL\n"
		"C: DATA\nS: 503 5.5.1 Say MAIL\nC: MAIL FROM:<a@b.example>\n"
		"S: 250\nC: MAIL FROM:<a@b.example>\nS: 503 5.5.1 MAIL\n"
		"C: DATA\nS: 503 5.5.1 Say RCPT\n"
		"C: RCPT TO:<nobody@example.test>\nS: 550\nC: DATA\n"
		"S: 554 5.5.1 No valid\nC: DATA x\nS: 501" },
	{ "RSET in the middle", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: RSET\nS: 250 2.0.0\nC: DATA\nS: 503\n"
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250\nQ 1" },
	{ "EHLO forgets the transaction", "smtp", OUTSIDE, { NULL }, HELLO
		ENVELOPE "C: EHLO y\nS: 250-\nC: DATA\nS: 503\nQ 0" },
	{ "LHLO is not SMTP", "smtp", OUTSIDE, { NULL },
		"S: 220\nC: LHLO x\nS: 500 5.5.1" },
	{ "a browser", "smtp", OUTSIDE, { NULL },
		"S: 220\nC: GET / HTTP/1.1\nC: MAIL FROM:<a@b>\nS: 554 5.5.1\nX" },
	/* ---- who may send to whom ---- */
	{ "no open relay", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 554 5.7.1 <carol@far.exa\n"
		"C: RCPT TO:<@example.test:carol@far.example>\nS: 554 5.7.1\n"
		"C: RCPT TO:<\"carol@far.example\"@example.test>\nS: 250\n"
		"C: RCPT TO:<carol%far.example@example.test>\nS: 250" },
	{ "mynetworks may relay", "smtp", INSIDE, { NULL }, HELLO
		"C: MAIL FROM:<root>\nS: 250\nC: RCPT TO:<carol@far.example>\n"
		"S: 250\nC: RCPT TO:<alice>\nS: 250\nC: DATA\nS: 354\n" BODY
		"S: 250\nQC MAIL FROM:<root@example.test>\n"
		"QC RCPT TO:<carol@far.example>\nQC RCPT TO:<alice@example.test>" },
	{ "strangers name a domain", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<root>\nS: 501 5.1.7\nC: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<alice>\nS: 501 5.1.3\nC: RCPT TO:<PostMaster>\n"
		"S: 250\nC: RCPT TO:<alice@[192.0.2.25]>\nS: 250\n"
		"C: RCPT TO:<alice@[192.0.2.26]>\nS: 554 5.7.1\nC: DATA\n"
		"S: 354\n" BODY "S: 250\nQC RCPT TO:<PostMaster@example.test>\n"
		"QC RCPT TO:<alice@example.test>" },
	{ "answers about recipients", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<nobody@example.test>\n"
		"S: 550 5.1.1 <nobody@example.test>: no such user\n"
		"C: RCPT TO:<full@example.test>\nS: 452 4.2.2\n"
		"C: RCPT TO:<later@example.test>\nS: 451 4.3.0\n"
		"C: RCPT TO:<>\nS: 501 5.1.3\nC: RCPT TO:alice@example.test\n"
		"S: 501 5.1.3\nC: RCPT TO:<a@b@c>\nS: 501\n"
		"C: RCPT <alice@example.test>\nS: 501 5.5.4\n"
		"C: RCPT TO:<\"a b\"@example.test>\nS: 250" },
	{ "answers are remembered until accounts change", "smtp", OUTSIDE,
		{ NULL }, HELLO "C: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<nobody@example.test>\nS: 550\n"
		"C: RCPT TO:<nobody@example.test>\nS: 550\nL 2\nG\n"
		"C: RCPT TO:<alice@example.test>\nS: 250\nL 3\n"
		"C: RCPT TO:<later@example.test>\nS: 451\n"
		"C: RCPT TO:<later@example.test>\nS: 451\nL 5" },
	/* ---- submission ---- */
	{ "submission wants a login", "submission", INSIDE, { NULL }, HELLO
		"S- 250-AUTH SCRAM-SHA-256 PLAIN\nS+ 250-AUTH SCRAM-SHA-256\n"
		"C: MAIL FROM:<alice@example.test>\nS: 530 5.7.0\n"
		"C: RCPT TO:<carol@far.example>\nS: 503" },
	{ "submission with login", "submission", "127.0.0.1", { NULL }, HELLO
		"S+ 250-AUTH SCRAM-SHA-256 PLAIN LOGIN\nS- 250-AUTH PLUS\n"
		LOGIN "C: EHLO x\nS: 250-\nS- 250-AUTH\n"
		"C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 503\n"
		"C: MAIL FROM:<alice@example.test> AUTH=<>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: From: Alice <alice@example.test>\nC: \nC: hi\nC: .\n"
		"S: 250\nQC  XACTOR=1\\r\\n\nQC AUTH=<>\nQB with ESMTPA\\r\\n\n"
		"QB \\r\\nDate: \nQB \\r\\nMessage-ID: <\n"
		"QB- From: <alice" },
	{ "what is there is not added", "submission", "127.0.0.1", { NULL },
		HELLO LOGIN "C: MAIL FROM:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: date: Mon, 1 Jan 2024 00:00:00 +0000\n"
		"C: Message-Id: <1@x>\nC: FROM : sales@example.test\nC: \n"
		"C: .\nS: 250\nQB- Date: \nQB- Message-ID: \nQB- From: <" },
	{ "what is missing is added", "submission", "127.0.0.1", { NULL },
		HELLO LOGIN "C: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: just text\nC: Date: not a header\nC: .\nS: 250\n"
		"QB \\r\\nFrom: <alice@example.test>\\r\\n\\r\\njust text\\r\\n\n"
		"QB \\r\\nDate: " },
	{ "an account sends only as itself", "submission", "127.0.0.1",
		{ NULL }, HELLO LOGIN
		"C: MAIL FROM:<boss@example.test>\nS: 553 5.7.1 <boss@exam\n"
		"C: MAIL FROM:<sales@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: From: Boss <boss@example.test>\nC: \nC: .\n"
		"S: 550 5.7.1\nQ 0" },
	{ "From of several lines and addresses", "submission", "127.0.0.1",
		{ NULL }, HELLO LOGIN
		"C: MAIL FROM:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: From: Alice\nC:  <alice@example.test>,\n"
		"C: \tboss@example.test\nC: \nC: .\nS: 550 5.7.1\n"
		"C: MAIL FROM:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: From: alice@example.test\nC: X: y\nC: From: x@y.example\n"
		"C: \nC: .\nS: 550 5.7.1\n"
		"C: MAIL FROM:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: From: nobody in particular\nC: \nC: .\nS: 550 5.7.1\n"
		"C: MAIL FROM:<alice@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\nS: 354\n"
		"C: From: Alice\nC:  (boss@example.test)\n"
		"C:  <alice@example.test>,\nC: \tSales <sales@example.test>\n"
		"C: \nC: .\nS: 250\nQ 1" },
	{ "a local program submits without login", "submission", NULL,
		{ NULL }, HELLO "S- 250-STARTTLS\n"
		"C: MAIL FROM:<root>\nS: 250\nC: RCPT TO:<carol@far.example>\n"
		"S: 250\nC: DATA\nS: 354\n" BODY "S: 250\n"
		"QB (uid 1000)\nQB \\r\\nDate: " },
	/* ---- AUTH ---- */
	{ "no AUTH on port 25", "smtp", "127.0.0.1", { NULL }, HELLO
		"S- 250-AUTH\nC: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 503\n"
		"C: MAIL FROM:<a@b.example> AUTH=<>\nS: 555" },
	{ "AUTH on port 25 when configured", "smtp", "127.0.0.1",
		{ "smtpd_sasl_auth_enable=yes" }, HELLO
		"S+ 250-AUTH SCRAM-SHA-256 PLAIN LOGIN\n" LOGIN },
	{ "AUTH after EHLO only", "submission", "127.0.0.1", { NULL },
		"S: 220\nC: AUTH PLAIN x\nS: 503\nC: HELO x\nS: 250\n"
		"C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 503" },
	{ "no password without encryption", "submission", OUTSIDE, { NULL },
		HELLO "S+ 250-AUTH SCRAM-SHA-256\nS- 250-AUTH SCRAM-SHA-256 \n"
		"C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 538 5.7.11\n"
		"C: AUTH LOGIN\nS: 538\nC: AUTH SCRAM-SHA-256-PLUS\nS: 504\n"
		"C: AUTH FOO\nS: 504 5.5.4" },
	{ "password without encryption when configured", "submission",
		OUTSIDE, { "disable_plaintext_auth=no" }, HELLO LOGIN },
	{ "only trusted networks log in", "submission", OUTSIDE,
		{ "login_trusted_networks=10.0.0.0/8" }, HELLO
		"S- 250-AUTH\nC: AUTH SCRAM-SHA-256 c2NyYW0=\nS: 535 5.7.8" },
	{ "and they need no encryption", "submission", INSIDE,
		{ "login_trusted_networks=10.0.0.0/8" }, HELLO LOGIN },
	{ "this machine is never shut out", "submission", "127.0.0.1",
		{ "login_trusted_networks=192.0.2.0/24" }, HELLO LOGIN },
	{ "AUTH LOGIN", "submission", "127.0.0.1", { NULL }, HELLO
		"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\n"
		"S: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 235" },
	{ "AUTH PLAIN without initial response", "submission", "127.0.0.1",
		{ NULL }, HELLO "C: AUTH PLAIN\nS: 334 \n"
		"C: AGFsaWNlAHNlY3JldA==\nS: 235" },
	{ "last data of the server", "submission", OUTSIDE, { NULL }, HELLO
		"C: AUTH SCRAM-SHA-256 c2NyYW0=\nS: 334 c2VydmVyLWZpcnN0\n"
		"C: ZmluYWw=\nS: 334 dj1vaw==\nC: \nS: 235\n"
		"C: MAIL FROM:<alice@example.test>\nS: 250" },
	{ "a word after the last data is no login", "submission", OUTSIDE,
		{ NULL }, HELLO "C: AUTH SCRAM-SHA-256 c2NyYW0=\nS: 334\n"
		"C: ZmluYWw=\nS: 334\nC: eA==\nS: 535\n"
		"C: MAIL FROM:<alice@example.test>\nS: 530" },
	{ "cancelled after the last data is no login", "submission", OUTSIDE,
		{ NULL }, HELLO "C: AUTH SCRAM-SHA-256 c2NyYW0=\nS: 334\n"
		"C: ZmluYWw=\nS: 334\nC: *\nS: 501\n"
		"C: MAIL FROM:<alice@example.test>\nS: 530" },
	{ "AUTH cancelled", "submission", "127.0.0.1", { NULL }, HELLO
		"C: AUTH LOGIN\nS: 334\nC: *\nS: 501 5.7.0\nC: NOOP\nS: 250\n"
		LOGIN },
	{ "AUTH with rubbish", "submission", "127.0.0.1", { NULL }, HELLO
		"C: AUTH\nS: 501 5.5.4\nC: AUTH PLAIN a b\nS: 501\n"
		"C: AUTH PLAIN !!!\nS: 501 5.5.2\nC: AUTH LOGIN\nS: 334\n"
		"C: x x\nS: 501 5.5.2\nC: NOOP\nS: 250" },
	{ "wrong password, and nothing is read before the reply", "submission",
		"127.0.0.1", { NULL }, HELLO
		"C: AUTH PLAIN AGFsaWNlAHdyb25n\nC: NOOP\nS: 535 5.7.8\n"
		"S: 250\nC: MAIL FROM:<alice@example.test>\nS: 530" },
	{ "AUTH not in a transaction", "submission", "127.0.0.1", { NULL },
		HELLO LOGIN "C: MAIL FROM:<>\nS: 250\n"
		"C: AUTH PLAIN AGFsaWNlAHNlY3JldA==\nS: 503" },
	{ "auth is away", "submission", "127.0.0.1", { NULL },
		"F 1\n" HELLO "S- 250-AUTH\nC: AUTH PLAIN AGE=\nS: 454 4.7.0\n"
		"F 0\nC: EHLO x\nS: 250-\nS+ 250-AUTH\n" LOGIN },
	/* ---- STARTTLS ---- */
	{ "STARTTLS", "submission", OUTSIDE, { NULL }, HELLO
		"C: STARTTLS\nS: 220 2.0.0\nC: MAIL FROM:<>\nS: 503 5.5.1 Say\n"
		"C: EHLO y\nS: 250-\nS- 250-STARTTLS\n"
		"S+ 250-AUTH SCRAM-SHA-256 SCRAM-SHA-256-PLUS PLAIN LOGIN\n"
		"C: STARTTLS\nS: 503\n" LOGIN "C: MAIL FROM:<alice@example.test>\n"
		"S: 250\nC: RCPT TO:<carol@far.example>\nS: 250\nC: DATA\n"
		"S: 354\nC: \nC: .\nS: 250\nQB with ESMTPSA\\r\\n\\t(TLSv1.3 TLS_TEST)" },
	{ "what comes too early is thrown away", "smtp", OUTSIDE, { NULL },
		HELLO "R: STARTTLS\\r\\nMAIL FROM:<evil@x.example>\\r\\nNOOP\\r\\n\n"
		"S: 220\nC: EHLO y\nS: 250-\nC: RCPT TO:<alice@example.test>\n"
		"S: 503 5.5.1 Say MAIL" },
	{ "STARTTLS after EHLO, without argument", "smtp", OUTSIDE, { NULL },
		"S: 220\nC: STARTTLS\nS: 503\nC: EHLO x\nS: 250-\n"
		"C: STARTTLS now\nS: 501\nC: STARTTLS\nS: 220" },
	{ "STARTTLS forgets the transaction", "smtp", OUTSIDE, { NULL }, HELLO
		ENVELOPE "C: STARTTLS\nS: 220\nC: EHLO y\nS: 250-\nC: DATA\n"
		"S: 503 5.5.1 Say MAIL" },
	{ "tls is away", "smtp", OUTSIDE, { NULL }, "F 4\n" HELLO
		"C: STARTTLS\nS: 454 4.7.0\nC: NOOP\nS: 250" },
	{ "TLS from the start", "submissions", OUTSIDE, { NULL }, HELLO
		"S- 250-STARTTLS\nS+ 250-AUTH SCRAM-SHA-256 SCRAM-SHA-256-PLUS\n"
		LOGIN },
	/* ---- parameters ---- */
	{ "sizes", "smtp", OUTSIDE, { "message_size_limit=1000" }, HELLO
		"S+ 250-SIZE 1000\nC: MAIL FROM:<> SIZE=1001\nS: 552 5.3.4\n"
		"C: MAIL FROM:<> SIZE=1000\nS: 250" },
	{ "DSN", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<a@b.example> RET=HDRS ENVID=xyz\nS: 250\n"
		"C: RCPT TO:<alice@example.test> NOTIFY=NEVER,SUCCESS\n"
		"S: 501 5.5.4\nC: RCPT TO:<alice@example.test> NOTIFY=SUCCESS,"
		"DELAY ORCPT=rfc822;alice@old.example\nS: 250\nC: DATA\nS: 354\n"
		BODY "S: 250\nQC RET=HDRS ENVID=xyz \nQC NOTIFY=SUCCESS,DELAY "
		"ORCPT=rfc822;alice@old.example\\r\\n" },
	{ "unknown and bad parameters", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<> FOO=1\nS: 555 5.5.4\n"
		"C: MAIL FROM:<> SIZE=x\nS: 501 5.5.4\n"
		"C: MAIL FROM:<> XACTOR=1\nS: 555\n"
		"C: MAIL FROM:<> XTRANSACTION=00000000000000000000000000000000\n"
		"S: 555\nC: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<alice@example.test> XACCOUNT=1\nS: 555\n"
		"C: RCPT TO:<alice@example.test> FOO\nS: 555" },
	{ "SMTPUTF8", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<\xe7\x94\xa8@b.example>\nS: 553 5.6.7\n"
		"C: MAIL FROM:<a@b.example>\nS: 250\n"
		"C: RCPT TO:<\xe7\x94\xa8@example.test>\nS: 553 5.6.7\nC: RSET\n"
		"S: 250\nC: MAIL FROM:<\xe7\x94\xa8@b.example> SMTPUTF8\nS: 250\n"
		"C: RCPT TO:<\xe7\x94\xa8@example.test>\nS: 250\nC: DATA\n"
		"S: 354\n" BODY "S: 250\nQC SMTPUTF8\n"
		"QC RCPT TO:<\xe7\x94\xa8@example.test>\nQB with UTF8SMTP\\r\\n\n"
		"R: NOOP \\377\\r\\n\nS: 250\nR: NOOP \xff\\r\\n\nS: 500 5.5.2" },
	/* ---- BDAT ---- */
	{ "chunks", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"R: BDAT 7\\r\\nSubject\nS: 250 2.0.0 7 octets\n"
		"R: BDAT 9\\r\\n: x\\r\\n\\r\\n..\nS: 250\nC: BDAT 0 LAST\n"
		"S: 250\nQB +0000\\r\\nSubject: x\\r\\n\\r\\n..\nQ 1" },
	{ "chunks pipelined", "smtp", OUTSIDE, { NULL }, "S: 220\n"
		"R: EHLO x\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<alice@example.test>\\r\\n"
		"BDAT 3\\r\\na\\r\\nBDAT 3 LAST\\r\\n.\\r\\nQUIT\\r\\n\nS: 250-\n"
		"S: 250\nS: 250\nS: 250\nS: 250 2.0.0 Accepted\nS: 221\n"
		"QB \\r\\n\\r\\na\\r\\n.\\r\\n" },
	{ "DATA and BDAT do not mix", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"R: BDAT 3\\r\\na\\r\\n\nS: 250\nC: DATA\nS: 503 5.5.1 BDAT\n"
		"C: MAIL FROM:<>\nS: 503\nC: RCPT TO:<alice@example.test>\n"
		"S: 503\nC: NOOP\nS: 250\nC: RSET\nS: 250\nC: DATA\nS: 503\nQ 0" },
	{ "BDAT after a failed MAIL", "smtp", OUTSIDE, { NULL }, "S: 220\n"
		"R: BDAT 6\\r\\nQUIT\\r\\n\nS: 503 5.5.1 Say EHLO\nC: EHLO x\n"
		"S: 250-\nC: MAIL FROM:<bad\nS: 501\n"
		"C: RCPT TO:<alice@example.test>\nS: 503\n"
		"R: BDAT 6 LAST\\r\\nQUIT\\r\\n\nS: 503 5.5.1 Say MAIL\nC: NOOP\n"
		"S: 250 2.0.0 OK\nC: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<nobody@example.test>\nS: 550\n"
		"R: BDAT 6 LAST\\r\\nQUIT\\r\\n\nS: 554 5.5.1\nC: NOOP\nS: 250\nQ 0" },
	{ "BDAT nobody can follow", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: BDAT x\nC: NOOP\nS: 501 5.5.4\nX" },
	{ "BDAT too big", "smtp", OUTSIDE, { "message_size_limit=10" }, HELLO
		ENVELOPE "R: BDAT 8\\r\\n12345678\nS: 250\n"
		"R: BDAT 8\\r\\n12345678\nS: 552 5.3.4\n"
		"R: BDAT 1\\r\\n1\nS: 552\nR: BDAT 2 LAST\\r\\n\\r\\n\nS: 552\n"
		"C: NOOP\nS: 250\nC: RSET\nS: 250\nQ 0" },
	{ "BDAT of endless size is not stored", "smtp", OUTSIDE, { NULL },
		HELLO ENVELOPE "C: BDAT 9223372036854775807 LAST\n"
		"R: 12345678" },
	{ "bare newlines in chunks", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"R: BDAT 4 LAST\\r\\na\\nb\\n\nS: 554 5.5.2\nQ 0\n" ENVELOPE
		"R: BDAT 2 LAST\\r\\na\\r\nS: 554 5.5.2\nQ 0" },
	{ "BINARYMIME", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<> BODY=BINARYMIME\nS: 250\n"
		"C: RCPT TO:<alice@example.test>\nS: 250\nC: DATA\n"
		"S: 503 5.5.1\nR: BDAT 8 LAST\\r\\n\\r\\na\\nb\\r\\0\\n\nS: 250\n"
		"QC BODY=BINARYMIME\nQB \\r\\n\\r\\na\\nb\\r\\0\\n" },
	/* ---- smuggling ---- */
	{ "LF.LF ends nothing", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nR: a\\n.\\nMAIL FROM:<>\\r\\n.\\r\\n\n"
		"S: 554 5.5.2\nC: NOOP\nS: 250\nQ 0" },
	{ "LF.CRLF ends nothing", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nR: a\\n.\\r\\nMAIL FROM:<>\\r\\n.\\r\\n\n"
		"S: 554 5.5.2\nC: NOOP\nS: 250\nQ 0" },
	{ "CRLF.LF ends nothing", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nR: a\\r\\n.\\nMAIL FROM:<>\\r\\n.\\r\\n\n"
		"S: 554 5.5.2\nC: NOOP\nS: 250\nQ 0" },
	{ "CR.CR ends nothing", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nR: a\\r.\\rMAIL FROM:<>\\r\\n.\\r\\n\n"
		"S: 554 5.5.2\nC: NOOP\nS: 250\nQ 0" },
	{ "CRLF.CR ends nothing", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nR: a\\r\\n.\\rMAIL FROM:<>\\r\\n.\\r\\n\n"
		"S: 554 5.5.2\nC: NOOP\nS: 250\nQ 0" },
	{ "bare newlines normalised", "smtp", OUTSIDE,
		{ "smtpd_forbid_bare_newline=normalize" }, HELLO ENVELOPE
		"C: DATA\nS: 354\nR: X: y\\n\\n.\\nMAIL FROM:<>\\n\\r\\n.\\r\\n\n"
		"S: 250\nQ 1\nQB X: y\\r\\n\\r\\n.\\r\\nMAIL FROM:<>\\r\\n\n"
		"R: NOOP\\n\nS: 250" },
	{ "bare newlines of those who may", "smtp", OUTSIDE,
		{ "smtpd_forbid_bare_newline_exclusions=198.51.100.0/24" },
		HELLO ENVELOPE "C: DATA\nS: 354\nR: X: y\\n\\nz\\n\\r\\n.\\r\\n\n"
		"S: 250\nQB X: y\\r\\n\\r\\nz\\r\\n" },
	{ "bare newlines in commands", "smtp", OUTSIDE, { NULL }, "S: 220\n"
		"R: EHLO x\\n\nS: 500 5.5.2\nR: NO\\rOP\\r\\n\nS: 500\nC: NOOP\n"
		"S: 250" },
	{ "NUL", "smtp", OUTSIDE, { NULL }, HELLO
		"R: MAIL FROM:<a\\0@b.example>\\r\\n\nS: 500 5.5.2\n" ENVELOPE
		"C: DATA\nS: 354\nR: a\\0b\\r\\n.\\r\\n\nS: 554 5.6.0\nQ 0\n"
		ENVELOPE "R: BDAT 4 LAST\\r\\na\\0\\r\\n\nS: 554 5.6.0\nQ 0" },
	{ "no address makes a second line", "smtp", INSIDE, { NULL }, HELLO
		"R: MAIL FROM:<\"a\\r\"@b.example>\\r\\n\nS: 500 5.5.2\n"
		"R: MAIL FROM:<\"a\\tb\"@b.example>\\r\\n\nS: 501 5.1.7\n"
		"C: MAIL FROM:<a@b.example> ENVID=x XTRACE=y\nS: 555" },
	/* ---- limits ---- */
	{ "size exceeded inside the message", "smtp", OUTSIDE,
		{ "message_size_limit=20" }, HELLO ENVELOPE "C: DATA\nS: 354\n"
		"C: 1234567890\nC: 1234567890\nC: .\nS: 552 5.3.4\nQ 0\n"
		ENVELOPE "C: DATA\nS: 354\nC: 123456789012345678\nC: .\nS: 250\n"
		"Q 1" },
	{ "recipients", "smtp", OUTSIDE, { "smtpd_recipient_limit=2" }, HELLO
		"S+ 250 LIMITS RCPTMAX=2\nC: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<a@example.test>\nS: 250\n"
		"C: RCPT TO:<b@example.test>\nS: 250\n"
		"C: RCPT TO:<c@example.test>\nS: 452 4.5.3\nC: DATA\nS: 354\n"
		BODY "S: 250\nQC RCPT TO:<b@\nQC- RCPT TO:<c@\nQB- for <" },
	{ "errors", "smtp", OUTSIDE, { "smtpd_hard_error_limit=3" }, "S: 220\n"
		"C: A\nC: B\nC: C\nC: NOOP\nS: 500\nS: 500\nS: 500\n"
		"S: 421 4.7.0 Too many errors\nX" },
	{ "unknown users of trusted clients are no errors", "smtp", INSIDE,
		{ "smtpd_hard_error_limit=2" }, HELLO "C: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<nobody1@example.test>\nS: 550\n"
		"C: RCPT TO:<nobody2@example.test>\nS: 550\n"
		"C: RCPT TO:<nobody3@example.test>\nS: 550\nC: NOOP\nS: 250" },
	{ "messages of a network", "smtp", OUTSIDE,
		{ "smtpd_client_message_rate_limit=1" }, HELLO
		"C: MAIL FROM:<>\nS: 250\nC: RSET\nS: 250\nC: MAIL FROM:<>\n"
		"S: 450 4.7.1" },
	{ "recipients of a network", "smtp", OUTSIDE,
		{ "smtpd_client_recipient_rate_limit=1" }, HELLO
		"C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<a@example.test>\nS: 250\n"
		"C: RCPT TO:<b@example.test>\nS: 450 4.7.1" },
	{ "logins of a network", "submission", OUTSIDE,
		{ "smtpd_client_auth_rate_limit=1" }, HELLO
		"C: AUTH FOO\nS: 504\nC: AUTH FOO\nS: 450 4.7.1" },
	{ "mynetworks has no such limits", "smtp", INSIDE,
		{ "smtpd_client_message_rate_limit=1",
		"smtpd_client_recipient_rate_limit=1",
		"smtpd_client_connection_rate_limit=1" }, HELLO
		ENVELOPE "C: RCPT TO:<b@example.test>\nS: 250\nC: RSET\nS: 250\n"
		ENVELOPE },
	{ "connections", "smtp", OUTSIDE, { "smtpd_connection_limit=0" },
		"S: 421 4.3.2 mail.example.test is too busy\nX" },
	{ "idle", "smtp", OUTSIDE, { "smtpd_timeout=1s" },
		"S: 220\nS: 421 4.4.2 Nothing\nX" },
	{ "idle inside the message", "smtp", OUTSIDE, { "smtpd_timeout=1s" },
		HELLO ENVELOPE "C: DATA\nS: 354\nC: half\nS: 421 4.4.2\nX\nQ 0" },
	{ "a connection that lasts", "smtp", OUTSIDE,
		{ "smtpd_session_time_limit=1s" },
		"S: 220\nS: 421 4.4.2 This connection\nX" },
	{ "a message that takes too long", "smtp", OUTSIDE,
		{ "smtpd_transaction_time_limit=1s" }, HELLO ENVELOPE
		"S: 421 4.4.2 This message\nX" },
	/* ---- neighbours ---- */
	{ "the queue says later", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nC: X-Queue: 452 4.3.1 disk full\nC: \nC: .\n"
		"S: 452 4.3.1 disk full\nC: NOOP\nS: 250" },
	{ "the queue says never", "smtp", OUTSIDE, { NULL }, HELLO ENVELOPE
		"C: DATA\nS: 354\nC: X-Queue: 550 5.2.1 no longer here\nC: \n"
		"C: .\nS: 550 5.2.1 no longer here" },
	{ "the queue complains about us", "smtp", OUTSIDE, { NULL }, HELLO
		ENVELOPE "C: DATA\nS: 354\nC: X-Queue: 503 5.5.1 order\nC: \n"
		"C: .\nS: 451 4.3.0\n" ENVELOPE "C: DATA\nS: 354\n"
		"C: X-Queue: 354 go\nC: \nC: .\nS: 451 4.3.0" },
	{ "the queue refuses a recipient", "smtp", OUTSIDE, { NULL }, "F 32\n"
		HELLO ENVELOPE "C: DATA\nS: 354\n" BODY "S: 452 4.3.1 not this" },
	{ "the queue is away", "smtp", OUTSIDE, { NULL }, "F 2\n" HELLO
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 451 4.3.0\nF 0\n"
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250\nQ 1" },
	{ "the queue dies on a kept wire", "smtp", OUTSIDE, { NULL }, HELLO
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250\nF 8\n"
		ENVELOPE "C: DATA\nS: 354\n" BODY "S: 250\nQ 3" },
	{ "auth dies on a kept wire", "smtp", OUTSIDE, { NULL }, HELLO
		"C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<a@example.test>\nS: 250\n"
		"F 16\nC: RCPT TO:<b@example.test>\nS: 250" },
	{ "addresses cannot be looked up", "smtp", OUTSIDE, { NULL },
		"F 1\n" HELLO "C: MAIL FROM:<>\nS: 250\n"
		"C: RCPT TO:<alice@example.test>\nS: 451 4.3.0\nF 0\n"
		"C: RCPT TO:<alice@example.test>\nS: 250" },
	/* ---- LMTP ---- */
	{ "LMTP answers for each recipient", "lmtp", NULL, { NULL },
		"S: 220 mail.example.test LMTP\nC: EHLO x\nS: 500\nC: LHLO x\n"
		"S: 250-\nS+ 250-PIPELINING\nC: MAIL FROM:<>\nS: 250\n"
		"C: DATA\nS: 503\n"
		"C: RCPT TO:<a@example.test>\nS: 250\n"
		"C: RCPT TO:<nobody@example.test>\nS: 550\n"
		"C: RCPT TO:<b@example.test>\nS: 250\n"
		"C: RCPT TO:<carol@far.example>\nS: 554 5.7.1\nC: DATA\nS: 354\n"
		BODY "S: 250\nS: 250\nC: NOOP\nS: 250 2.0.0 OK\nQ 2\n"
		"QC- RCPT TO:<a@\nQC RCPT TO:<b@\nQB with LMTP\\r\\n" },
	{ "LMTP refuses for each recipient", "lmtp", NULL,
		{ "message_size_limit=5" }, "S: 220\nC: LHLO x\nS: 250-\n"
		"C: MAIL FROM:<>\nS: 250\nC: RCPT TO:<a@example.test>\nS: 250\n"
		"C: RCPT TO:<b@example.test>\nS: 250\n"
		"R: BDAT 10\\r\\n1234567890\nS: 552\nR: BDAT 0 LAST\\r\\n\n"
		"S: 552\nS: 552\nC: NOOP\nS: 250 2.0.0 OK\nQ 0" },
};

static void
conversations_go_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		print_message("%s\n", scripts[i].name);
		fflush(stdout);
		script_play(&scripts[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations_go_as_written),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_stop();
	return failed;
}
