/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIGKIT_SIM_STUB_H
#define MIGKIT_SIM_STUB_H

/*
 * What every function of NVML answers that a lab has nothing to say to: UNINITIALIZED before init,
 * FUNCTION_NOT_FOUND where the lab's driver is older than it, NOT_SUPPORTED otherwise. Apart from
 * sim.h, which declares the functions as they are while stubs are declared with one parameter,
 * which is whatever the function's first is.
 */
int sim_stub(unsigned call, const char *symbol, unsigned since, const void *first);

#endif
