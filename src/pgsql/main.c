/*
 * pgsql: asks PostgreSQL for accounts, for auth. Holds the password of the
 * database and sees hashes; it has TCP connections, a wire to `names`, and opens
 * no file after its start. What strangers type reaches it as parameters of
 * queries only. `pgsql --check PATH` looks at a FILE on standard input.
 */
#include <openssl/ssl.h>

#include "pgsql/pgsql.h"

/* What the libraries would look for in files is found before the jail. */
static int
prepare(struct error *error)
{
	(void)error;
	OPENSSL_init_ssl(0, NULL);
	return 0;
}

int
main(int argc, char **argv)
{
	return source_server_main(argc, argv, &pgsql_driver, prepare);
}
