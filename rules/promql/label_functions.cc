#include "rules/promql/label_functions.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "re2/re2.h"

#include "rules/promql/words.h"

namespace rootnote::promql {
namespace {

bool IsWordChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

const std::string& StringArg(const Expr& call, size_t at) {
  return Unparenthesised(*call.args[at]).text;
}

// `$1`, `${1}`, `$name`, `${name}`, `$$`, as Go's regexp expands them: the longest name counts, and
// what names no group is empty.
class Template {
 public:
  Template(const re2::RE2& regex, const std::vector<re2::StringPiece>& groups)
      : names_(regex.NamedCapturingGroups()), groups_(groups) {}

  std::string Expand(std::string_view text) const {
    std::string out;
    for (size_t at = 0; at < text.size();) {
      if (text[at] != '$') {
        out += text[at++];
        continue;
      }
      if (text.substr(at, 2) == "$$") {
        out += '$';
        at += 2;
        continue;
      }
      const bool braced = text.substr(at, 2) == "${";
      const size_t begin = at + (braced ? 2 : 1);
      size_t end = begin;
      while (end < text.size() && IsWordChar(text[end])) ++end;
      const bool closed = !braced || (end < text.size() && text[end] == '}');
      if (end == begin || !closed) {
        out += text[at++];
        continue;
      }
      out += Group(std::string(text.substr(begin, end - begin)));
      at = end + (braced ? 1 : 0);
    }
    return out;
  }

 private:
  std::string Group(const std::string& name) const {
    size_t index = groups_.size();
    if (name.find_first_not_of("0123456789") == std::string::npos) {
      if (name.size() < 6) index = static_cast<size_t>(std::atoi(name.c_str()));
    } else if (const auto found = names_.find(name); found != names_.end()) {
      index = static_cast<size_t>(found->second);
    }
    return index < groups_.size() ? std::string(groups_[index].data(), groups_[index].size()) : "";
  }

  const std::map<std::string, int>& names_;
  const std::vector<re2::StringPiece>& groups_;
};

}  // namespace

absl::StatusOr<Vector> LabelReplace(const Expr& call, Vector vector) {
  const std::string& target = StringArg(call, 1);
  const std::string& replacement = StringArg(call, 2);
  const std::string& source = StringArg(call, 3);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  const re2::RE2 regex(StringArg(call, 4), options);
  if (!regex.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("invalid regular expression in label_replace(): {}", StringArg(call, 4)));
  }
  if (!IsLabelName(target)) {
    return absl::InvalidArgumentError("invalid destination label name in label_replace(): " +
                                      target);
  }
  std::vector<re2::StringPiece> groups(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1);
  for (Element& element : vector) {
    const std::string value(element.labels.Get(source));
    const bool matches = regex.Match(value, 0, value.size(), re2::RE2::ANCHOR_BOTH, groups.data(),
                                     static_cast<int>(groups.size()));
    if (!matches) continue;
    element.labels = element.labels.With(target, Template(regex, groups).Expand(replacement));
    element.drop_name = element.drop_name && target != kMetricName;
  }
  RETURN_IF_ERROR(Normalise(vector));
  return vector;
}

absl::StatusOr<Vector> LabelJoin(const Expr& call, Vector vector) {
  const std::string& target = StringArg(call, 1);
  if (!IsLabelName(target)) {
    return absl::InvalidArgumentError("invalid destination label name in label_join(): " + target);
  }
  const std::string& separator = StringArg(call, 2);
  for (Element& element : vector) {
    std::string joined;
    for (size_t i = 3; i < call.args.size(); ++i) {
      if (!IsLabelName(StringArg(call, i))) {
        return absl::InvalidArgumentError("invalid source label name in label_join(): " +
                                          StringArg(call, i));
      }
      if (i > 3) joined += separator;
      joined += element.labels.Get(StringArg(call, i));
    }
    element.labels = element.labels.With(target, joined);
    element.drop_name = element.drop_name && target != kMetricName;
  }
  RETURN_IF_ERROR(Normalise(vector));
  return vector;
}

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The next run of digits, or of other characters.
std::string_view NextChunk(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && IsDigit(text[size]) == IsDigit(text[0])) ++size;
  const std::string_view chunk = text.substr(0, size);
  text.remove_prefix(size);
  return chunk;
}

// Nothing for what is no number or does not fit into 64 bits.
std::optional<int64_t> Whole(std::string_view chunk) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(chunk.data(), chunk.data() + chunk.size(), value);
  if (error != std::errc() || end != chunk.data() + chunk.size()) return std::nullopt;
  return value;
}

}  // namespace

// As github.com/facette/natsort orders, which Prometheus uses: chunk by chunk, numbers by value.
bool NaturalLess(std::string_view a, std::string_view b) {
  while (!a.empty()) {
    if (b.empty()) return false;
    const std::string_view left = NextChunk(a);
    const std::string_view right = NextChunk(b);
    const std::optional<int64_t> left_number = Whole(left);
    const std::optional<int64_t> right_number = Whole(right);
    const bool numbers = left_number && right_number;
    if (numbers ? *left_number != *right_number : left != right) {
      return numbers ? *left_number < *right_number : left < right;
    }
    if (a.empty()) return true;
    if (b.empty()) return false;
  }
  return false;
}

void SortByLabel(const Expr& call, Vector& vector) {
  const bool descending = call.text == "sort_by_label_desc";
  std::sort(vector.begin(), vector.end(), [&](const Element& x, const Element& y) {
    const Labels& a = descending ? y.labels : x.labels;
    const Labels& b = descending ? x.labels : y.labels;
    for (size_t i = 1; i < call.args.size(); ++i) {
      const std::string_view left = a.Get(StringArg(call, i));
      const std::string_view right = b.Get(StringArg(call, i));
      // Texts that are numbers of one value ("1", "01") order by their bytes, so that this stays an
      // order whichever of them comes first.
      if (left == right) continue;
      const bool less = NaturalLess(left, right);
      return less == NaturalLess(right, left) ? left < right : less;
    }
    return a.ToVector() < b.ToVector();
  });
}

Labels AbsentLabels(const Expr& selector) {
  if (selector.kind != ExprKind::kSelector) return Labels();
  // A name that is asked for twice is not known.
  std::map<std::string, std::string> known;
  std::map<std::string, bool> seen;
  for (const Matcher& matcher : selector.matchers) {
    if (matcher.name == kMetricName || matcher.name == "__type__" || matcher.name == "__unit__") {
      continue;
    }
    if (matcher.op == MatchOp::kEqual && !seen[matcher.name]) {
      known[matcher.name] = matcher.value;
      seen[matcher.name] = true;
    } else {
      known.erase(matcher.name);
    }
  }
  return Labels::From({known.begin(), known.end()});
}

}  // namespace rootnote::promql
