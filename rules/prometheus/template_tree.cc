#include "rules/prometheus/template_tree.h"

#include "rules/unquote.h"

namespace rootnote::prometheus {

using Kind = TemplateNode::Kind;

std::string TemplateNode::ToString() const {
  std::string shown;
  const auto fields = [&](size_t from) {
    for (size_t i = from; i < names.size(); ++i) shown += "." + names[i];
  };
  switch (kind) {
    case Kind::kDot:
      return ".";
    case Kind::kNil:
      return "nil";
    case Kind::kString:
      return quoted;
    case Kind::kField:
      fields(0);
      return shown;
    case Kind::kVariable:
      shown = names.front();
      fields(1);
      return shown;
    case Kind::kChain:
      shown = children.front()->kind == Kind::kPipe ? "(" + children.front()->ToString() + ")"
                                                    : children.front()->ToString();
      fields(0);
      return shown;
    case Kind::kCommand:
      for (const auto& child : children) {
        if (!shown.empty()) shown += " ";
        shown += child->kind == Kind::kPipe ? "(" + child->ToString() + ")" : child->ToString();
      }
      return shown;
    case Kind::kPipe:
      for (const std::string& name : names) shown += (shown.empty() ? "" : ", ") + name;
      if (!names.empty()) shown += assigns ? " = " : " := ";
      for (size_t i = 0; i < children.size(); ++i) {
        shown += (i == 0 ? "" : " | ") + children[i]->ToString();
      }
      return shown;
    case Kind::kTemplate:
      shown = "{{template " + Quote(text);
      if (children.front() != nullptr) shown += " " + children.front()->ToString();
      return shown + "}}";
    default:
      return text;
  }
}

}  // namespace rootnote::prometheus
