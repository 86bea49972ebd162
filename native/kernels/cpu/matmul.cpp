#include "kernels/cpu/matmul.h"

#include <algorithm>
#include <list>
#include <variant>
#include <vector>

#include "kernels/cpu/panel_kernels.h"

namespace mlxd::kernels::cpu {
namespace {

// A block of x stays in a core's second-level cache while panels of weights pass by.
constexpr size_t kBlockBytes = size_t(1) << 20;
// More rows are several blocks, so that threads end together.
constexpr int kBlockRows = 192;
// Below this much work a chunk costs more to hand out than to do.
constexpr size_t kChunkBytes = size_t(8) << 10;
constexpr int kChunksPerThread = 8;
// Panels of a matrix that are read one after another before those of the next: memory is fastest
// where it is read on. Not for more rows, whose outputs would fill the near cache.
constexpr int kPanelsTogether = 4;
constexpr int kRowsTogether = 6;

int divide_up(int a, int b) { return (a + b - 1) / b; }

// y += x
void add_run(const float* __restrict x, int count, float* __restrict y) {
  for (int i = 0; i < count; ++i) y[i] = x[i] + y[i];
}

// Asks for where `rows` rows of a panel's outputs go: other threads had those lines before.
void ask_for(const float* y, size_t y_stride, int rows) {
  constexpr int kLineFloats = 16;
  for (int r = 0; r < rows; ++r, y += y_stride) {
    for (int i = 0; i < PackedMatrix::kPanelRows; i += kLineFloats) __builtin_prefetch(y + i, 1);
  }
}

// How `panels` panels times `rows` rows become chunks for the pool, and a chunk calls of a kernel.
class Plan {
 public:
  Plan(int panels, size_t panel_bytes, int rows, size_t row_bytes, int max_rows, int threads)
      : rows_(rows), panels_(panels) {
    // Equal steps: 16 rows go through a kernel for 12 as 8 + 8, not 12 + 4.
    step_ = divide_up(rows, divide_up(rows, max_rows));
    const int fitting = static_cast<int>(std::min<size_t>(kBlockBytes / row_bytes, kBlockRows));
    const int steps = divide_up(rows, step_);
    block_ = divide_up(steps, divide_up(steps, std::max(1, fitting / step_))) * step_;
    blocks_ = divide_up(rows, block_);
    const size_t chunk_bytes = panel_bytes * std::min(rows, block_);
    const int smallest = divide_up(static_cast<int>(kChunkBytes), std::max<int>(1, chunk_bytes));
    run_ = std::max(smallest, panels_ * blocks_ / (threads * kChunksPerThread));
    run_ = std::clamp(run_, 1, panels_);
    runs_ = divide_up(panels_, run_);
  }

  int chunks() const { return blocks_ * runs_; }

  /// Calls call(panel, panels, row, rows) for the parts of a chunk, of a few panels where rows are
  /// few. A panel stays in the near cache for all its rows.
  template <class Call>
  void for_each(int chunk, const Call& call) const {
    const int first = chunk / runs_ * block_, last = std::min(rows_, first + block_);
    const int panel = chunk % runs_ * run_, panel_end = std::min(panels_, panel + run_);
    const int most = rows_ <= std::min(step_, kRowsTogether) ? kPanelsTogether : 1;
    for (int p = panel; p < panel_end; p += most) {
      const int count = std::min(most, panel_end - p);
      for (int r = first; r < last; r += step_) call(p, count, r, std::min(step_, last - r));
    }
  }

 private:
  int rows_, step_, block_, blocks_, panels_, run_, runs_;
};

// A layer, x as its kernels take it, and those: kernels[r - 1] takes r rows, up to few_rows, and
// `many` takes more, where there is that.
template <class X>
struct Operand {
  Layer layer;
  const PreparedInput<X>* x;
  const PanelKernel<X>* kernels;
  int few_rows;
  SpreadTile spread = nullptr;
  decltype(ManyRows<X>::four_bit) many = nullptr;

  int max_rows() const { return many ? kMostRows : few_rows; }

  // Rows `row` .. `row + rows` of x through panel `panel`, to y [rows, outputs].
  void multiply(int panel, int row, int rows, float* y, size_t y_stride) const {
    const PackedMatrix& w = *layer.w;
    const MatrixFormat& format = w.format();
    ask_for(y, y_stride, rows);
    const PanelArgs<X> args{
        .panel = w.panel(panel),
        .columns = format.columns,
        .groups = w.groups(),
        .group_size = format.group_size,
        .group_bytes = w.group_bytes(),
        .bits = format.bits,
        .spread = spread,
        .scale_type = format.scale_type,
        .x = x->from(row),
        .y = y,
        .y_stride = y_stride,
        .outputs = w.outputs_of(panel),
    };
    if (rows > few_rows) {
      many(args, rows);
    } else {
      kernels[rows - 1](args);
    }
    if (!layer.bias) return;
    for (int r = 0; r < rows; ++r) {
      add_run(layer.bias + panel * PackedMatrix::kPanelRows, w.outputs_of(panel), y + r * y_stride);
    }
  }
};

// One loop on the pool over panels of one or several layers that share x.
class Leaf {
 public:
  Leaf(const Input& x, const Compute& how) : x_(x), how_(how), table_(kernel_table(how.isa)) {}

  /// Adds a layer, and prepares x for it unless that was done for another.
  void add(const Layer& layer) {
    const MatrixFormat& format = layer.w->format();
    if (format.encoding == Encoding::dense || format.encoding == Encoding::float8) {
      const FloatKernels& kernels = table_.floats;
      const auto& prepared = prepare(floats_, format.columns, 0);
      return add(Operand<float>{layer, &prepared, kernels.find(format), kernels.max_rows});
    }
    switch (how_.precision) {
      case Precision::exact:
        return add(layer, floats_, table_.exact);
      case Precision::balanced:
        return add(layer, words_, table_.balanced);
      case Precision::fast:
        return add(layer, bytes_, table_.fast);
    }
  }

  /// Calls call(panel, row, rows) for `panels` panels like those of the first layer and all rows.
  template <class Call>
  void run(int panels, const Call& call) const {
    run_together(panels, [&](int panel, int count, int row, int rows) {
      for (int p = panel; p < panel + count; ++p) call(p, row, rows);
    });
  }

  /// The same with call(panel, count, row, rows) for a few panels after each other.
  template <class Call>
  void run_together(int panels, const Call& call) const {
    const auto row_bytes = [](const auto& o) { return o.x->row_bytes(); };
    const Plan plan(panels, matrix(0).panel_bytes(), x_.rows.count,
                    std::visit(row_bytes, operands_[0]), max_rows_, how_.pool.threads());
    how_.pool.run(plan.chunks(), [&](int chunk) { plan.for_each(chunk, call); });
  }

  /// Some rows times a panel of the layer that was added as number `index`.
  void multiply(int index, int panel, int row, int rows, float* y, size_t y_stride) const {
    std::visit([&](const auto& o) { o.multiply(panel, row, rows, y, y_stride); }, operands_[index]);
  }

  const KernelTable& table() const { return table_; }

 private:
  template <class X>
  using Prepared = std::list<PreparedInput<X>>;

  template <class X>
  void add(const Layer& layer, Prepared<X>& known, const PanelKernels<X>& kernels) {
    const MatrixFormat& format = layer.w->format();
    const bool four_bit = kernels.find(format) == kernels.four_bit;
    add(Operand<X>{layer, &prepare(known, format.columns, format.group_size), kernels.find(format),
                   kernels.max_rows, table_.spread.find(format),
                   four_bit ? kernels.many.four_bit : nullptr});
  }

  template <class X>
  void add(const Operand<X>& operand) {
    operands_.push_back(operand);
    max_rows_ = std::min(max_rows_, operand.max_rows());
  }

  template <class X>
  const PreparedInput<X>& prepare(Prepared<X>& known, int columns, int group_size) {
    for (const auto& prepared : known) {
      if (prepared.group_size() == group_size) return prepared;
    }
    return known.emplace_back(x_, columns, group_size, table_, how_.pool);
  }

  const PackedMatrix& matrix(int index) const {
    return std::visit([](const auto& o) -> const PackedMatrix& { return *o.layer.w; },
                      operands_[index]);
  }

  const Input& x_;
  const Compute& how_;
  const KernelTable& table_;
  Prepared<float> floats_;
  Prepared<int16_t> words_;
  Prepared<int8_t> bytes_;
  std::vector<std::variant<Operand<float>, Operand<int16_t>, Operand<int8_t>>> operands_;
  int max_rows_ = kMostRows;
};

// Where the part of y lies that panel `panel` makes of rows from `row` on.
float* part(const Product& product, int panel, int row) {
  const size_t stride = product.layer.w->format().rows;
  return product.y + row * stride + panel * PackedMatrix::kPanelRows;
}

}  // namespace

void matmuls(std::span<const Product> products, const Input& x, const Compute& how) {
  if (x.rows.count == 0) return;
  Leaf leaf(x, how);
  int panels = 0;
  for (const Product& product : products) {
    leaf.add(product.layer);
    panels += product.layer.w->panels();
  }
  leaf.run(panels, [&](int panel, int row, int rows) {
    int i = 0;
    for (; panel >= products[i].layer.w->panels(); ++i) panel -= products[i].layer.w->panels();
    leaf.multiply(i, panel, row, rows, part(products[i], panel, row),
                  products[i].layer.w->format().rows);
  });
}

void matmul(const Product& product, const Input& x, const Compute& how) {
  matmuls({&product, 1}, x, how);
}

void matmul_add(const Product& product, const Input& x, const Rows& residual, const Compute& how) {
  if (x.rows.count == 0) return;
  const PackedMatrix& w = *product.layer.w;
  const size_t stride = w.format().rows;
  Leaf leaf(x, how);
  leaf.add(product.layer);
  leaf.run(w.panels(), [&](int panel, int row, int rows) {
    float* y = part(product, panel, row);
    leaf.multiply(0, panel, row, rows, y, stride);
    const float* add = residual.data + row * residual.stride + panel * PackedMatrix::kPanelRows;
    for (int r = 0; r < rows; ++r) {
      add_run(add + r * residual.stride, w.outputs_of(panel), y + r * stride);
    }
  });
}

void matmul_glu(Activation activation, const Product& gate, const Layer& up, const Input& x,
                const Compute& how) {
  if (x.rows.count == 0) return;
  const PackedMatrix& w = *gate.layer.w;
  const size_t stride = w.format().rows;
  Leaf leaf(x, how);
  leaf.add(gate.layer);
  leaf.add(up);
  const GluRun glu = leaf.table().glu[static_cast<int>(activation)];
  leaf.run_together(w.panels(), [&](int panel, int count, int row, int rows) {
    constexpr int kColumns = PackedMatrix::kPanelRows;
    float factors[kPanelsTogether][kMostRows * kColumns];
    for (int p = 0; p < count; ++p) {
      leaf.multiply(0, panel + p, row, rows, part(gate, panel + p, row), stride);
    }
    for (int p = 0; p < count; ++p) {
      leaf.multiply(1, panel + p, row, rows, factors[p], kColumns);
    }
    for (int p = 0; p < count; ++p) {
      float* y = part(gate, panel + p, row);
      for (int r = 0; r < rows; ++r) {
        glu(y + r * stride, factors[p] + r * kColumns, w.outputs_of(panel + p));
      }
    }
  });
}

}  // namespace mlxd::kernels::cpu
