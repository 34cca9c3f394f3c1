package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.Schedule;
import java.io.Serializable;
import java.util.LinkedHashMap;

/**
 * The serialized form of a schedule: its map, from which the functions are made again.
 *
 * @param map as {@link Schedule#toMap()} gives it
 */
record Written(LinkedHashMap<String, Object> map) implements Serializable {

  private Object readResolve() {
    return Schedule.fromMap(map);
  }
}
