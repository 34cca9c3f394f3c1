package io.github.dl4jtorch.recipes;

import io.github.dl4jtorch.schedules.ParamGroups;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What parts of a recipe that are right by themselves must be to one another. */
final class Checks {

  private final Tree tree;
  private final Problems problems;

  private Checks(Tree tree, Problems problems) {
    this.tree = tree;
    this.problems = problems;
  }

  static void run(Part recipe, Tree tree, Problems problems) {
    Checks checks = new Checks(tree, problems);
    Part optimizer = recipe.part("optimizer");
    if (optimizer != null) {
      checks.optimizer(optimizer);
      checks.groups(optimizer);
      checks.schedule(recipe, optimizer, "schedule");
      Part averaging = recipe.part("averaging");
      if (averaging != null) {
        checks.schedule(averaging, optimizer, "averaging", "swalr");
      }
    }
    checks.averaging(recipe);
    if (recipe.has("clip_grad_norm") && recipe.has("clip_grad_value")) {
      checks.add(
          "must not be beside clip_grad_norm: gradients are clipped once", "clip_grad_value");
    }
  }

  private void optimizer(Part optimizer) {
    if (optimizer.has("nesterov")
        && optimizer.flag("nesterov")
        && (optimizer.number("momentum") == 0 || optimizer.number("dampening") != 0)) {
      add(
          "must be false unless momentum is > 0 and dampening 0, but was true with momentum "
              + optimizer.number("momentum")
              + " and dampening "
              + optimizer.number("dampening"),
          "optimizer",
          "nesterov");
    }
  }

  private void groups(Part optimizer) {
    Set<String> names = new HashSet<>();
    List<Part> groups = optimizer.parts("param_groups");
    for (int i = 0; i < groups.size(); i++) {
      Part group = groups.get(i);
      if (group.has("name") && !names.add(group.text("name"))) {
        add(
            "must be a name of its own but was \"" + group.text("name") + "\" once more",
            "optimizer",
            "param_groups",
            i,
            "name");
      }
      if (group.has("momentum")
          && !(optimizer.has("momentum") && optimizer.number("momentum") > 0)) {
        add(
            "must be given only where the optimizer has a momentum > 0",
            "optimizer",
            "param_groups",
            i,
            "momentum");
      }
      if (i < groups.size() - 1 && GroupSelection.of(group).isAll()) {
        add(
            "must have a pattern or a kind, since the groups after it have what is left over",
            "optimizer",
            "param_groups",
            i);
      }
    }
  }

  /** Lists have one entry a group, and there must be a momentum for one to be cycled. */
  private void schedule(Part owner, Part optimizer, Object... path) {
    String key = (String) path[path.length - 1];
    if (!owner.has(key)) {
      return;
    }
    try {
      ((Schedule) owner.get(key)).requireFits(ParamGroups.of(Optimizers.groups(optimizer)));
    } catch (IllegalArgumentException refused) {
      String message = inWords(String.valueOf(refused.getMessage()));
      int end = message.indexOf(' ');
      String argument = message.substring(0, Math.max(end, 0));
      Object[] at = Arrays.copyOf(path, path.length + 1);
      at[path.length] = argument;
      if (find(at) != null) {
        add(message.substring(end + 1), at);
      } else {
        add(message, path);
      }
    }
  }

  /** Writes arguments under PyTorch's names. */
  private static String inWords(String message) {
    return Pattern.compile("\\b[a-z]+(?:[A-Z][a-z0-9]*)+\\b")
        .matcher(message)
        .replaceAll(name -> name.group().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT));
  }

  private void averaging(Part recipe) {
    Part averaging = recipe.part("averaging");
    if (averaging == null) {
      return;
    }
    if (averaging.has("anew_in_each_epoch")
        && averaging.flag("anew_in_each_epoch")
        && averaging.text("step").equals("epoch")) {
      add("must be false where step is \"epoch\"", "averaging", "anew_in_each_epoch");
    }
    atMost(averaging, "min_decay", "decay");
    atMost(averaging, "min_value", "beta");
  }

  /** Checks the lowest share of an average, if it has one, beside its highest. */
  private void atMost(Part averaging, String lowest, String highest) {
    if (averaging.has(lowest) && averaging.number(lowest) > averaging.number(highest)) {
      add(
          "must be <= "
              + highest
              + ", "
              + averaging.number(highest)
              + ", but was "
              + averaging.number(lowest),
          "averaging",
          lowest);
    }
  }

  private void add(String message, Object... path) {
    Tree at = find(path);
    StringBuilder text = new StringBuilder();
    for (Object step : path) {
      if (step instanceof Integer index) {
        text.append('[').append(index).append(']');
      } else {
        text.append(text.isEmpty() ? "" : ".").append(step);
      }
    }
    problems.add(text.toString(), at == null ? tree : at, message);
  }

  private @Nullable Tree find(Object... path) {
    Tree at = tree;
    for (Object step : path) {
      if (step instanceof Integer index) {
        List<Tree> list = at.list();
        if (list == null || index >= list.size()) {
          return null;
        }
        at = list.get(index);
      } else {
        Map<String, Tree.Field> fields = at.fields();
        Tree.Field field = fields == null ? null : fields.get((String) step);
        if (field == null) {
          return null;
        }
        at = field.tree();
      }
    }
    return at;
  }
}
