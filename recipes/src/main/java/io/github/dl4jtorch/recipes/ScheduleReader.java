package io.github.dl4jtorch.recipes;

import io.github.dl4jtorch.schedules.MalformedDataException;
import io.github.dl4jtorch.schedules.Schedule;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads schedules with all their problems. {@link Schedule#fromMap}, which knows every type, names
 * one problem; the others are found by putting something legal in its place and asking again.
 */
final class ScheduleReader {

  /** What stands for a member that has problems of its own. */
  private static final Map<String, Object> MEMBER =
      Map.of("type", "ConstantLR", "factor", 1.0, "total_iters", 1);

  /** Values of which one is legal for almost every argument. */
  private static final List<Object> LEGAL =
      List.of(1, 0.5, 2, 10, true, List.of(1), List.of(), Map.of("table", List.of(1)));

  private static final Pattern UNKNOWN =
      Pattern.compile("unknown key \"(.*)\"; did you mean \"(.*)\"\\?", Pattern.DOTALL);

  private static final Pattern NAMED = Pattern.compile("\"?(\\w+)\"? (.*)", Pattern.DOTALL);

  /** What was refused: a key, or the definition itself, and why. */
  private record Refusal(@Nullable String key, @Nullable String nearest, String message) {}

  private final Problems problems;

  ScheduleReader(Problems problems) {
    this.problems = problems;
  }

  @Nullable Schedule read(Words.Definition definition, Tree tree, String path) {
    Map<String, Tree.Field> fields = tree.fields();
    if (fields == null) {
      problems.add(path, tree, "must be " + definition.legal() + " but was " + tree.shown());
      return null;
    }
    Map<String, Object> map = check(definition, tree, fields, path);
    return map == null ? null : Schedule.fromMap(map);
  }

  /** Returns the definition's map, null if it or a member has problems. */
  private @Nullable Map<String, Object> check(
      Words.Definition definition, Tree tree, Map<String, Tree.Field> fields, String path) {
    int before = problems.count();
    boolean isKnown = checkType(definition, tree, fields, path);
    Map<String, Object> map = new LinkedHashMap<>();
    fields.forEach(
        (key, field) -> {
          Object value = checkMembers(key, field.tree(), RecipeReader.join(path, key));
          if (value != null) {
            map.put(key, value);
          }
        });
    if (isKnown) {
      checkArguments(map, tree, fields, path);
    }
    return problems.count() == before ? map : null;
  }

  private boolean checkType(
      Words.Definition definition, Tree tree, Map<String, Tree.Field> fields, String path) {
    List<String> types = definition.types().isEmpty() ? Schedule.types() : definition.types();
    String at = RecipeReader.join(path, "type");
    Tree.Field type = fields.get("type");
    if (type == null) {
      problems.add(at, tree, "is missing; it must name a schedule, like \"" + types.get(0) + "\"");
      return false;
    }
    if (!(type.tree().value() instanceof String name)) {
      problems.add(
          at,
          type.tree(),
          "must name a schedule, like \"" + types.get(0) + "\", but was " + type.tree().shown());
      return false;
    }
    if (!types.contains(name)) {
      problems.add(
          at,
          type.tree(),
          "must name a schedule but was \"" + name + '"' + Names.didYouMean(name, types));
      return false;
    }
    return true;
  }

  /** Returns a value as it is, but with stand-ins for members that have problems. */
  private @Nullable Object checkMembers(String key, Tree tree, String path) {
    Map<String, Tree.Field> fields = tree.fields();
    if (fields != null && (fields.containsKey("type") || key.equals("after"))) {
      Map<String, Object> member = check(Words.Definition.ANY, tree, fields, path);
      return member == null ? MEMBER : member;
    }
    List<Tree> list = tree.list();
    if (list != null) {
      List<@Nullable Object> entries = new ArrayList<>();
      for (int i = 0; i < list.size(); i++) {
        Tree entry = list.get(i);
        entries.add(
            checkMembers(
                key.equals("schedulers") && entry.fields() != null ? "after" : "",
                entry,
                path + "[" + i + "]"));
      }
      return entries;
    }
    return tree.plain();
  }

  private void checkArguments(
      Map<String, Object> map, Tree tree, Map<String, Tree.Field> fields, String path) {
    Set<String> mended = new HashSet<>();
    Map<String, Object> present = map;
    for (Refusal refusal = refusal(map); refusal != null; refusal = refusal(present)) {
      String key = refusal.key();
      Tree.Field field = key == null ? null : fields.get(key);
      String at = key == null ? path : RecipeReader.join(path, key);
      if (field == null) {
        problems.add(at, tree, refusal.message());
      } else if (refusal.nearest() != null) {
        problems.add(at, field, refusal.message());
      } else {
        problems.add(at, field.tree(), refusal.message());
      }
      present = key == null || !mended.add(key) ? Map.of() : mended(present, refusal, key);
      if (present.isEmpty()) {
        return;
      }
    }
  }

  /** Returns the map without what was refused, empty if there is no such. */
  private static Map<String, Object> mended(Map<String, Object> map, Refusal refusal, String key) {
    Map<String, Object> without = new LinkedHashMap<>(map);
    Object value = without.remove(key);
    String nearest = refusal.nearest();
    if (nearest != null) {
      if (value != null) {
        without.putIfAbsent(nearest, value);
      }
      return without;
    }
    if (value != null && isMended(key, refusal(without))) {
      return without;
    }
    for (Object legal : LEGAL) {
      Map<String, Object> with = new LinkedHashMap<>(map);
      with.put(key, legal);
      if (isMended(key, refusal(with))) {
        return with;
      }
    }
    return Map.of();
  }

  /** What is refused then must be another key, and not what was put in the place of this one. */
  private static boolean isMended(String key, @Nullable Refusal refusal) {
    return refusal == null || (refusal.key() != null && !refusal.key().equals(key));
  }

  private static @Nullable Refusal refusal(Map<String, Object> map) {
    try {
      var unused = Schedule.fromMap(map);
      return null;
    } catch (MalformedDataException refused) {
      return refusal(map, String.valueOf(refused.getMessage()));
    }
  }

  private static Refusal refusal(Map<String, Object> map, String whole) {
    String message = whole;
    int colon = whole.indexOf(": ");
    String owner = colon < 0 ? "" : whole.substring(0, colon);
    if (owner.equals(map.get("type"))) {
      message = whole.substring(colon + 2);
    } else {
      // An argument that is a function is refused in the function's name.
      for (Map.Entry<String, Object> entry : map.entrySet()) {
        if (entry.getKey().equals(owner)
            || (entry.getValue() instanceof Map<?, ?> function && function.containsKey(owner))) {
          return new Refusal(entry.getKey(), null, message.substring(colon + 2));
        }
      }
    }
    Matcher unknown = UNKNOWN.matcher(message);
    if (unknown.matches()) {
      return new Refusal(
          unknown.group(1),
          unknown.group(2),
          "is unknown" + Names.didYouMean(unknown.group(1), List.of(unknown.group(2))));
    }
    Matcher named = NAMED.matcher(message);
    if (named.matches()
        && (map.containsKey(named.group(1)) || named.group(2).equals("is missing"))) {
      return new Refusal(named.group(1), null, named.group(2));
    }
    return new Refusal(null, null, message);
  }
}
