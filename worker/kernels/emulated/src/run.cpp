// Runs a kernel: the threads of a block as coroutines that change at barriers; blocks one after the other or, where they
// wait for one another, all at once.

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

enum Answer { DONE, UNKNOWN_KERNEL, OTHER_ARGUMENTS, BARRIER_MISSED, WROTE_BESIDE };

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
    KERNEL(add_embedded, false),        KERNEL(add_row, false),
    KERNEL(adam, false),                KERNEL(column_sums, true),
    KERNEL(copy_rows, false),           KERNEL(cross_entropy, true),
    KERNEL(descend, false),             KERNEL(draw_mask, false),
    KERNEL(embed, false),               KERNEL(gradient_above, false),
    KERNEL(gradient_norm, true),        KERNEL(gru_backward, false),
    KERNEL(gru_forward, false),         KERNEL(gru_window_backward, true),
    KERNEL(gru_window_forward, true),   KERNEL(keys_entropy, true),
    KERNEL(lstm_backward, false),       KERNEL(lstm_forward, false),
    KERNEL(lstm_window_backward, true), KERNEL(lstm_window_forward, true),
    KERNEL(mask_copies, false),         KERNEL(rnn_backward, false),
    KERNEL(rnn_forward, false),         KERNEL(rnn_window_backward, true),
    KERNEL(rnn_window_forward, true),   KERNEL(squared_error, false),
    KERNEL(squares, true),              KERNEL(sum_copies, false),
    KERNEL(total, true),
};

// Where threads wait until `expected` of them have come.
struct Barrier {
  unsigned expected, come, round;
};

// A block that runs: its barrier, and its memory between numbers that nobody may write.
struct alignas(16) Sixteen {
  float of[4];
};
struct Block {
  Barrier barrier;
  std::vector<Sixteen> memory;
};

// A thread of a block that has barriers.
struct Thread {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  unsigned block, index;
  bool ended;
};

constexpr size_t STACK = 64 << 10;
// Where a kernel's own memory holds what it has not written: a quiet NaN that no arithmetic makes.
constexpr unsigned UNTOUCHED = 0x7fcdcdcd;

thread_local std::vector<Thread> threads;
thread_local std::vector<Block> blocks;
// Of the first of the blocks that run, and of the thread among all that run.
thread_local unsigned first_block, turn_of;
thread_local Barrier grid;
thread_local ucontext_t scheduler;
thread_local const Kernel *running;
thread_local void *const *arguments_of_running;
// Barriers that all have come to, and threads that have ended.
thread_local unsigned long long progress;
// Whether a kernel that is said to have no barrier came to one.
thread_local bool surprised;

bool untouched(const Sixteen &numbers) {
  unsigned bits[4];
  memcpy(bits, numbers.of, sizeof bits);
  return bits[0] == UNTOUCHED && bits[1] == UNTOUCHED && bits[2] == UNTOUCHED && bits[3] == UNTOUCHED;
}

void give_way() { swapcontext(&threads[turn_of].context, &scheduler); }

void wait_at(Barrier &barrier) {
  unsigned round = barrier.round;
  if (++barrier.come == barrier.expected) {
    barrier.come = 0;
    barrier.round++;
    progress++;
  }
  while (barrier.round == round) give_way();
}

void run_thread() {
  running->call(arguments_of_running);
  threads[turn_of].ended = true;
  progress++;
  give_way();
}

// Runs so many blocks side by side, each with so many bytes of memory.
Answer run_blocks(unsigned count, unsigned shared, bool backwards) {
  unsigned size = blockDim.x, all = count * size;
  while (threads.size() < all) threads.push_back({{}, std::unique_ptr<char[]>(new char[STACK]), 0, 0, false});
  Sixteen empty;
  for (float &number : empty.of) memcpy(&number, &UNTOUCHED, sizeof number);
  blocks.assign(count, {{size, 0, 0}, std::vector<Sixteen>(shared / 16 + 2, empty)});
  grid = {count == gridDim.x ? all : 0, 0, 0};
  for (unsigned index = 0; index < all; index++) {
    Thread &thread = threads[index];
    thread.block = index / size;
    thread.index = index % size;
    thread.ended = false;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.get();
    thread.context.uc_stack.ss_size = STACK;
    thread.context.uc_link = nullptr;
    makecontext(&thread.context, run_thread, 0);
  }
  for (unsigned ended = 0; ended < all;) {
    unsigned long long before = progress;
    ended = 0;
    for (unsigned turn = 0; turn < all; turn++) {
      turn_of = backwards ? all - 1 - turn : turn;
      Thread &thread = threads[turn_of];
      blockIdx.x = first_block + thread.block;
      threadIdx.x = thread.index;
      if (!thread.ended) swapcontext(&scheduler, &thread.context);
      ended += thread.ended;
    }
    if (progress == before) return BARRIER_MISSED;
  }
  for (const Block &block : blocks)
    if (!untouched(block.memory.front()) || !untouched(block.memory.back())) return WROTE_BESIDE;
  return DONE;
}

} // namespace

void wait_for_block() {
  if (!running->waits) {
    surprised = true;
    return;
  }
  wait_at(blocks[threads[turn_of].block].barrier);
}

void wait_for_grid() { wait_at(grid); }

float *block_memory() { return blocks[threads[turn_of].block].memory[1].of; }

// Runs a kernel by its name. `letters` are the types of the arguments, `shared` the bytes of a block's memory, `together`
// says whether blocks wait for one another; threads and blocks take turns from the last one if `backwards`.
extern "C" int run_kernel(const char *name, unsigned count, unsigned block, unsigned shared, bool together,
                          const char *letters, void *const *arguments, bool backwards) {
  const Kernel *found = nullptr;
  for (const Kernel &kernel : kernels)
    if (!strcmp(kernel.name, name)) found = &kernel;
  if (!found) return UNKNOWN_KERNEL;
  if (strcmp(found->letters, letters)) return OTHER_ARGUMENTS;
  running = found;
  arguments_of_running = arguments;
  surprised = false;
  gridDim.x = count;
  blockDim.x = block;
  first_block = 0;
  if (together) return run_blocks(count, shared, backwards);
  for (unsigned turn = 0; turn < count; turn++) {
    first_block = blockIdx.x = backwards ? count - 1 - turn : turn;
    if (found->waits) {
      if (Answer answer = run_blocks(1, shared, backwards)) return answer;
      continue;
    }
    for (unsigned index = 0; index < block; index++) {
      threadIdx.x = backwards ? block - 1 - index : index;
      found->call(arguments);
    }
  }
  return surprised ? BARRIER_MISSED : DONE;
}
