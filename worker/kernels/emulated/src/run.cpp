// Runs a kernel: its blocks one after the other; the threads of a block as coroutines that change at barriers.

#include "cuda.h"
#include <cstring>
#include <memory>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

#include "../../all.cu"

thread_local Place threadIdx, blockIdx, blockDim, gridDim;

namespace {

enum Answer { DONE, UNKNOWN_KERNEL, OTHER_ARGUMENTS, BARRIER_MISSED };

// The letter of an argument's type, as the caller writes them.
template <typename T> constexpr char letter() {
  if (std::is_pointer_v<T>) return 'p';
  if (std::is_same_v<T, unsigned>) return 'u';
  if (std::is_same_v<T, Wide>) return 'w';
  if (std::is_same_v<T, float>) return 'f';
  if (std::is_same_v<T, Mask>) return 'm';
  if (std::is_same_v<T, Step>) return 's';
  return '?';
}

// A kernel with its arguments' types forgotten. `waits` says whether it has barriers.
struct Kernel {
  const char *name, *letters;
  bool waits;
  void (*call)(void *const *arguments);
};

template <auto kernel> struct Caller;
template <typename... A, void (*kernel)(A...)> struct Caller<kernel> {
  static constexpr char letters[] = {letter<A>()..., 0};
  template <size_t... I> static void with(void *const *arguments, std::index_sequence<I...>) {
    kernel(*static_cast<A *>(arguments[I])...);
  }
  static void call(void *const *arguments) { with(arguments, std::index_sequence_for<A...>()); }
};

#define KERNEL(name, waits) {#name, Caller<name>::letters, waits, Caller<name>::call}
const Kernel kernels[] = {
    KERNEL(add_embedded, false),   KERNEL(add_row, false),      KERNEL(adam, false),
    KERNEL(column_sums, true),     KERNEL(copy_rows, false),    KERNEL(cross_entropy, true),
    KERNEL(descend, false),        KERNEL(draw_mask, false),    KERNEL(embed, false),
    KERNEL(gradient_above, false), KERNEL(gradient_norm, true), KERNEL(gru_backward, false),
    KERNEL(gru_forward, false),    KERNEL(keys_entropy, true),  KERNEL(lstm_backward, false),
    KERNEL(lstm_forward, false),   KERNEL(mask_copies, false),  KERNEL(rnn_backward, false),
    KERNEL(rnn_forward, false),    KERNEL(squared_error, false), KERNEL(squares, true),
    KERNEL(sum_copies, false),     KERNEL(total, true),
};

// The threads of a block that has barriers.
struct Thread {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  bool ended;
};
constexpr size_t STACK = 64 << 10;
thread_local std::vector<Thread> threads;
thread_local ucontext_t scheduler;
thread_local const Kernel *running;
thread_local void *const *arguments_of_running;
// Whether a kernel that is said to have no barrier came to one.
thread_local bool surprised;

void run_thread() {
  running->call(arguments_of_running);
  threads[threadIdx.x].ended = true;
  swapcontext(&threads[threadIdx.x].context, &scheduler);
}

// Runs all threads from barrier to barrier. False if only some of them came to one.
bool run_block(unsigned count, bool backwards) {
  while (threads.size() < count) threads.push_back({{}, std::unique_ptr<char[]>(new char[STACK]), false});
  for (unsigned index = 0; index < count; index++) {
    Thread &thread = threads[index];
    thread.ended = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = STACK;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, run_thread, 0);
  }
  for (unsigned ended = 0; ended < count;) {
    ended = 0;
    for (unsigned turn = 0; turn < count; turn++) {
      threadIdx.x = backwards ? count - 1 - turn : turn;
      Thread &thread = threads[threadIdx.x];
      swapcontext(&scheduler, &thread.context);
      ended += thread.ended;
    }
    if (ended > 0 && ended < count) return false;
  }
  return true;
}

} // namespace

void wait_for_block() {
  if (!running->waits) {
    surprised = true;
    return;
  }
  Thread &thread = threads[threadIdx.x];
  swapcontext(&thread.context, &scheduler);
}

// Runs a kernel by its name. `letters` are the types of the arguments; threads and blocks take turns from the last one
// if `backwards`.
extern "C" int run_kernel(const char *name, unsigned grid, unsigned block, const char *letters, void *const *arguments,
                          bool backwards) {
  const Kernel *found = nullptr;
  for (const Kernel &kernel : kernels)
    if (!strcmp(kernel.name, name)) found = &kernel;
  if (!found) return UNKNOWN_KERNEL;
  if (strcmp(found->letters, letters)) return OTHER_ARGUMENTS;
  running = found;
  arguments_of_running = arguments;
  surprised = false;
  gridDim.x = grid;
  blockDim.x = block;
  for (unsigned turn = 0; turn < grid; turn++) {
    blockIdx.x = backwards ? grid - 1 - turn : turn;
    if (found->waits) {
      if (!run_block(block, backwards)) return BARRIER_MISSED;
      continue;
    }
    for (unsigned index = 0; index < block; index++) {
      threadIdx.x = backwards ? block - 1 - index : index;
      found->call(arguments);
    }
  }
  return surprised ? BARRIER_MISSED : DONE;
}
