// The state machine of signal instances, instant by instant, against SEMANTICS section 4.
#include "engine/signals.h"

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "gtest/gtest.h"

#include "tests/unit/engine/small_rules.h"

namespace rootnote {
namespace {

using testing::At;
using testing::ProgramBuilder;
using testing::When;

constexpr int kEvery = 5;  // seconds

// One letter per instant says what the rule sees of one entity:
//   + true   - false   c false, and `clear` is true   . no data
// The answer has a letter per instant: the state after it: i(nactive) p(ending) f(iring).
class OneInstance {
 public:
  explicit OneInstance(std::function<void(Signal&)> configure, Millis hold = Millis(0)) {
    ProgramBuilder builder;
    Signal& signal =
        builder.AddSignal("s", builder.AddKind("host", {"host"}), When("up < 1", hold));
    configure(signal);
    program_ = builder.Build();
    book_ = std::make_unique<SignalBook>(*program_);
  }

  std::string Run(std::string_view inputs) {
    std::string states;
    for (const char input : inputs) {
      SignalStep step;
      step.signal = SignalId(0);
      step.time = At(kEvery * instant_++);
      const InstanceKey key{"host:a", "", ""};
      if (input == '+') {
        step.when.push_back({key, 1.0});
      } else if (input == 'c') {
        step.clear.push_back(key);
      } else if (input == '.') {
        step.known_without_data.push_back(key);
      }
      step.has_data = [input](const InstanceKey&) { return input != '.'; };
      book_->Step(std::move(step), transitions_);
      if (!transitions_.empty()) {
        state_ = transitions_.back().to;
      }
      states += state_ == SignalState::kFiring ? 'f' : state_ == SignalState::kPending ? 'p' : 'i';
    }
    return states;
  }

  const std::vector<Transition>& transitions() const { return transitions_; }

 private:
  std::shared_ptr<const Program> program_;
  std::unique_ptr<SignalBook> book_;
  std::vector<Transition> transitions_;
  SignalState state_ = SignalState::kInactive;
  int instant_ = 0;
};

void Nothing(Signal&) {}

TEST(SignalBook, FiresAtOnceWithoutFor) { EXPECT_EQ(OneInstance(Nothing).Run("-+-+"), "ifif"); }

TEST(SignalBook, ForCountsInstantsFromTheFirstTrueOne) {
  // 15 s: true at t0 and at t0+15.
  EXPECT_EQ(OneInstance(Nothing, Millis(15'000)).Run("-+++++-"), "ipppffi");
}

TEST(SignalBook, ForBeginsAnewAfterOneFalse) {
  EXPECT_EQ(OneInstance(Nothing, Millis(10'000)).Run("++-+++"), "ppippf");
}

TEST(SignalBook, ForThatIsNoMultipleOfTheGridWaitsForTheNextInstant) {
  EXPECT_EQ(OneInstance(Nothing, Millis(7'000)).Run("+++"), "ppf");
}

TEST(SignalBook, KeepFiringForOutlastsShortGaps) {
  OneInstance instance([](Signal& signal) { signal.keep_firing = Millis(10'000); });
  EXPECT_EQ(instance.Run("+-+---+"), "fffffif");
}

TEST(SignalBook, ClearMustHoldAtEveryInstant) {
  OneInstance instance([](Signal& signal) { signal.clear = When("up > 1", Millis(10'000)); });
  // false is not enough; a true `when` and a false `clear` reset the timer.
  EXPECT_EQ(instance.Run("+--cc-ccc"), "ffffffffi");
  EXPECT_EQ(instance.Run("+cc+ccc"), "ffffffi");
}

TEST(SignalBook, ClearDoesNotKeepPending) {
  OneInstance instance([](Signal& signal) { signal.clear = When("up > 1"); }, Millis(10'000));
  EXPECT_EQ(instance.Run("+-"), "pi");
}

TEST(SignalBook, NoDataResolvesByDefault) {
  EXPECT_EQ(OneInstance(Nothing).Run("+."), "fi");
  OneInstance with_clear([](Signal& signal) { signal.clear = When("up > 1", Millis(10'000)); });
  EXPECT_EQ(with_clear.Run("+-."), "ffi");
  EXPECT_EQ(with_clear.transitions().back().reason, "no_data");
}

TEST(SignalBook, NoDataHoldKeepsFiringButNotPending) {
  const auto hold = [](Signal& signal) { signal.no_data = NoDataPolicy::kHold; };
  EXPECT_EQ(OneInstance(hold, Millis(5'000)).Run("+.++...-"), "pipffffi");
}

TEST(SignalBook, NoDataHoldRestartsTheClearTimer) {
  OneInstance instance([](Signal& signal) {
    signal.no_data = NoDataPolicy::kHold;
    signal.clear = When("up > 1", Millis(10'000));
  });
  EXPECT_EQ(instance.Run("+cc.ccc"), "ffffffi");
}

TEST(SignalBook, NoDataHoldEndsAfterADay) {
  OneInstance instance([](Signal& signal) { signal.no_data = NoDataPolicy::kHold; });
  const int day = 86'400 / kEvery;
  EXPECT_EQ(instance.Run("+" + std::string(static_cast<size_t>(day), '.')).back(), 'f');
  EXPECT_EQ(instance.Run("."), "i");
  EXPECT_EQ(instance.transitions().back().reason, "no_data");
}

TEST(SignalBook, NoDataRaiseIsTrueWithoutAValue) {
  OneInstance instance([](Signal& signal) { signal.no_data = NoDataPolicy::kRaise; },
                       Millis(5'000));
  EXPECT_EQ(instance.Run("-..-"), "ipfi");
  EXPECT_TRUE(std::isnan(instance.transitions()[1].value));
}

TEST(SignalBook, OnsetIsTheFirstInstantOfTheRun) {
  OneInstance instance(Nothing, Millis(10'000));
  instance.Run("-+++-");
  ASSERT_EQ(instance.transitions().size(), 3u);
  for (const Transition& transition : instance.transitions()) {
    EXPECT_EQ(transition.onset, At(kEvery));
  }
  EXPECT_EQ(instance.transitions()[1].time, At(3 * kEvery));
  EXPECT_EQ(instance.transitions()[2].from, SignalState::kFiring);
}

SignalStep StepAt(int instant, std::vector<Observed> when) {
  SignalStep step;
  step.signal = SignalId(0);
  step.time = At(kEvery * instant);
  step.when = std::move(when);
  return step;
}

TEST(SignalBook, InstancesOfOneEntityAreOneSymptom) {
  ProgramBuilder builder;
  Signal& signal = builder.AddSignal("s", builder.AddKind("host", {"host"}), When("up < 1"));
  signal.when.hold = Millis(5'000);
  signal.when.direction = Condition::Direction::kBelow;
  const auto program = builder.Build();
  SignalBook book(*program);
  const InstanceKey a{"host:a", "", "disk=1"}, b{"host:a", "", "disk=2"};
  std::vector<Transition> out;
  book.Step(StepAt(0, {{a, 0.5}}), out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].to, SignalState::kPending);
  book.Step(StepAt(1, {{b, 0.2}, {a, 0.7}}), out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[1].to, SignalState::kFiring);
  EXPECT_EQ(out[1].value, 0.2) << "the most extreme in the direction of the comparison";
  book.Step(StepAt(2, {{b, 0.2}}), out);  // a ends, b has come to fire
  book.Step(StepAt(3, {{b, 0.1}}), out);
  EXPECT_EQ(out.size(), 2u);
  book.Step(StepAt(4, {}), out);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[2].to, SignalState::kInactive);
  EXPECT_EQ(out[2].onset, At(0)) << "the run is one";
  EXPECT_EQ(book.active(), 0u);
}

TEST(SignalBook, OrderOfInputDecidesNothing) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("host", {"host"}), When("up < 1"));
  const auto program = builder.Build();
  std::vector<Observed> observed;
  for (const char* host : {"host:c", "host:a", "host:b", "host:a"}) {
    observed.push_back({{host, "", ""}, static_cast<double>(observed.size())});
  }
  std::vector<std::string> first;
  std::sort(observed.begin(), observed.end(),
            [](const Observed& a, const Observed& b) { return a.value < b.value; });
  do {
    SignalBook book(*program);
    std::vector<Transition> out;
    book.Step(StepAt(0, observed), out);
    std::vector<std::string> now;
    for (const Transition& transition : out) {
      now.push_back(transition.entity + "=" + std::to_string(transition.value));
    }
    first = first.empty() ? now : first;
    ASSERT_EQ(now, first);
  } while (std::next_permutation(
      observed.begin(), observed.end(),
      [](const Observed& a, const Observed& b) { return a.value < b.value; }));
  EXPECT_EQ(first.size(), 3u);
  EXPECT_EQ(first[0], "host:a=3.000000");
}

TEST(SignalBook, LimitShedsNewKeysAndKeepsOldOnes) {
  ProgramBuilder builder;
  builder.AddSignal("s", builder.AddKind("host", {"host"}), When("up < 1")).series_max = 2;
  const auto program = builder.Build();
  SignalBook book(*program);
  std::vector<Transition> out;
  book.Step(StepAt(0, {{{"host:x", "", ""}, 1}}), out);
  book.Step(StepAt(1, {{{"host:c", "", ""}, 1}, {{"host:b", "", ""}, 1}, {{"host:x", "", ""}, 1}}),
            out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[1].entity, "host:b") << "in the order of keys";
  EXPECT_EQ(book.active(), 2u);
  EXPECT_EQ(book.shed(), 1u);
}

TEST(MoreExtreme, NanSaysLeast) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(MoreExtreme(Condition::Direction::kAbove, nan, 1), 1);
  EXPECT_EQ(MoreExtreme(Condition::Direction::kBelow, 2, nan), 2);
  EXPECT_EQ(MoreExtreme(Condition::Direction::kBelow, 2, 1), 1);
  EXPECT_EQ(MoreExtreme(Condition::Direction::kNone, 2, 1), 2);
}

}  // namespace
}  // namespace rootnote
