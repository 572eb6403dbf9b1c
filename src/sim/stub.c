/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/stub.h"

#include "sim/sim.h"

int sim_stub(unsigned call, const char *symbol, unsigned since, const void *first)
{
	int saved_errno = errno;
	nvmlReturn_t status = sim_enter(since);

	SIM_CALL(status, SIM_BY_SLOT(call, SIM_NO_SLOT), first, , NVML_ERROR_NOT_SUPPORTED)
	sim_log(symbol, status);
	errno = saved_errno;
	return (int)status;
}
