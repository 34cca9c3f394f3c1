package io.github.dl4jtorch.files;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a pickle: the opcodes that torch.save has written in any version, no others. It is a
 * machine with a stack and a memo, so however deep values lie in one another, nothing here calls
 * itself.
 */
final class Unpickler {

  /** What an entry of a dict takes in memory, about. */
  static final int ENTRY = 56;

  /** What an object takes in memory, with the places that refer to it. */
  private static final int OBJECT = 40;

  /** What an integer beyond a long takes more. */
  private static final int BIG_INTEGER = 64;

  private static final Object[] NOTHING = {};

  /** What a dict takes. */
  private static final int DICT = 128;

  /** The newest protocol. */
  private static final int PROTOCOL = 5;

  /** Finds what is kept outside of the pickle. */
  @FunctionalInterface
  interface PersistentIds {
    @Nullable Object load(Tuple id) throws TorchFileException;
  }

  private final ByteReader in;
  private final InputFile file;
  private final PersistentIds persistentIds;
  private final Calls calls;
  private final List<@Nullable Object> stack = new ArrayList<>();
  private int[] marks = new int[8];
  private int markCount;
  private @Nullable Object[] memo = new Object[64];
  private int memoSize;

  Unpickler(ByteReader in, PersistentIds persistentIds) {
    this.in = in;
    this.file = in.file();
    this.persistentIds = persistentIds;
    this.calls = new Calls(file);
  }

  /** Reads up to the end of the pickle, which need not be the end of the bytes. */
  @Nullable Object load() throws TorchFileException {
    while (true) {
      long at = in.position();
      int opcode = in.u8();
      switch (opcode) {
        case 0x80 -> protocol();
        case 0x95 -> in.skip(8); // A frame: only how far to read ahead.
        case '.' -> {
          return pop();
        }
        case '(' -> mark();
        case '0' -> popOrUnmark();
        case '1' -> popToMark();
        case 'N' -> push(null);
        case 0x88 -> push(true);
        case 0x89 -> push(false);
        case 'J' -> push((long) in.i32());
        case 'K' -> push((long) in.u8());
        case 'M' -> push((long) in.u16());
        case 0x8A -> push(integer(in.u8()));
        case 'G' -> push(Double.longBitsToDouble(in.i64BigEndian()));
        case 'X', 'T' -> push(in.text(in.u32()));
        case 0x8C, 'U' -> push(in.text(in.u8()));
        case ']' -> push(new PythonList());
        case 'a' -> append(popSome(1));
        case 'e' -> append(popToMark());
        case ')' -> push(new Tuple(NOTHING, false));
        case 't' -> push(new Tuple(popToMark(), false));
        case 0x85 -> push(new Tuple(popSome(1), false));
        case 0x86 -> push(new Tuple(popSome(2), false));
        case 0x87 -> push(new Tuple(popSome(3), false));
        case '}' -> {
          file.charge(DICT);
          push(new Dict(Dict.Type.DICT, null));
        }
        case 's' -> setItems(popSome(2));
        case 'u' -> setItems(popToMark());
        case 'q' -> put(in.u8());
        case 'r' -> put(in.u32());
        case 0x94 -> put(memoSize);
        case 'h' -> get(in.u8());
        case 'j' -> get(in.u32());
        case 'c' -> {
          String module = in.line();
          push(calls.name(module, in.line()));
        }
        case 0x93 -> {
          Object[] name = popSome(2);
          push(calls.name(name[0], name[1]));
        }
        case 'Q' -> push(persistent(pop()));
        case 'R' -> {
          Object[] call = popSome(2);
          file.charge(DICT);
          push(calls.reduce(call[0], call[1]));
        }
        case 0x81 -> {
          Object[] call = popSome(2);
          push(calls.newObject(call[0], call[1]));
        }
        case 'b' -> {
          Object state = pop();
          calls.build(top(), state);
        }
        // Further ways to call, which torch.save does not take but others may.
        case 0x92 -> throw Calls.object(file, popSome(3)[0]);
        case 'o' -> {
          Object[] call = popToMark();
          throw Calls.object(file, call.length == 0 ? null : call[0]);
        }
        case 'i' -> {
          String module = in.line();
          throw Calls.object(file, calls.name(module, in.line()));
        }
        default ->
            throw file.refusal(
                String.format(
                    "its pickle has the opcode 0x%02x at byte %d, which torch.save does not write",
                    opcode, at));
      }
    }
  }

  private void protocol() throws TorchFileException {
    int protocol = in.u8();
    if (protocol > PROTOCOL) {
      throw file.refusal("its pickle is of protocol " + protocol + ", and 5 is the newest known");
    }
  }

  private void push(@Nullable Object value) throws TorchFileException {
    file.charge(OBJECT);
    stack.add(value);
  }

  private @Nullable Object pop() throws TorchFileException {
    requireHeight(1);
    return stack.remove(stack.size() - 1);
  }

  private @Nullable Object top() throws TorchFileException {
    requireHeight(1);
    return stack.get(stack.size() - 1);
  }

  /** Refuses to take what lies below the last mark, as Python does. */
  private void requireHeight(int count) throws TorchFileException {
    int floor = markCount == 0 ? 0 : marks[markCount - 1];
    if (stack.size() - floor < count) {
      throw file.refusal("its pickle uses a value that is not there, before byte " + in.position());
    }
  }

  /** Takes some values from the top, the topmost last. */
  private @Nullable Object[] popSome(int count) throws TorchFileException {
    requireHeight(count);
    return popFrom(stack.size() - count);
  }

  private @Nullable Object[] popToMark() throws TorchFileException {
    if (markCount == 0) {
      throw file.refusal("its pickle uses a mark that is not there, before byte " + in.position());
    }
    return popFrom(marks[--markCount]);
  }

  private @Nullable Object[] popFrom(int from) throws TorchFileException {
    List<@Nullable Object> values = stack.subList(from, stack.size());
    file.charge(16 + 8L * values.size());
    Object[] taken = values.toArray();
    values.clear();
    return taken;
  }

  private void mark() throws TorchFileException {
    if (markCount == marks.length) {
      file.charge(4L * markCount);
      marks = Arrays.copyOf(marks, 2 * markCount);
    }
    marks[markCount++] = stack.size();
  }

  private void popOrUnmark() throws TorchFileException {
    if (markCount > 0 && marks[markCount - 1] == stack.size()) {
      markCount--;
    } else {
      pop();
    }
  }

  private BigInteger bigInteger(int length) throws TorchFileException {
    byte[] bytes = in.array(length);
    for (int low = 0, high = length - 1; low < high; low++, high--) {
      byte lowest = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = lowest;
    }
    return length == 0 ? BigInteger.ZERO : new BigInteger(bytes);
  }

  /** A long where it fits. */
  private Number integer(int length) throws TorchFileException {
    BigInteger value = bigInteger(length);
    if (value.bitLength() < Long.SIZE) {
      return value.longValue();
    }
    file.charge(BIG_INTEGER);
    return value;
  }

  private void append(@Nullable Object[] elements) throws TorchFileException {
    if (!(top() instanceof PythonList list)) {
      throw file.refusal("it appends to " + Values.name(top()));
    }
    file.charge(8L * elements.length);
    for (Object element : elements) {
      list.append(element);
    }
  }

  private void setItems(@Nullable Object[] items) throws TorchFileException {
    if (!(top() instanceof Dict dict)) {
      throw file.refusal("it puts entries into " + Values.name(top()));
    }
    if (items.length % 2 != 0) {
      throw file.refusal("it puts a key without a value into a dict");
    }
    file.charge((long) ENTRY * items.length / 2);
    for (int item = 0; item < items.length; item += 2) {
      if (!Values.isKey(items[item])) {
        throw file.refusal("it has " + Values.name(items[item]) + " as a key");
      }
      dict.add(items[item], items[item + 1]);
    }
  }

  private void put(long index) throws TorchFileException {
    // A pickle numbers what it remembers, so it has no more numbers than bytes.
    if (index < 0 || index >= in.size()) {
      throw file.refusal("its pickle remembers a value as number " + index);
    }
    int at = (int) index;
    if (at >= memo.length) {
      int length = Math.max(at + 1, memo.length + (memo.length >> 1));
      file.charge(8L * (length - memo.length));
      memo = Arrays.copyOf(memo, length);
    }
    memo[at] = top();
    memoSize = Math.max(memoSize, at + 1);
  }

  private void get(long index) throws TorchFileException {
    if (index < 0 || index >= memoSize) {
      throw file.refusal("its pickle recalls number " + index + ", which it has not remembered");
    }
    push(memo[(int) index]);
  }

  private @Nullable Object persistent(@Nullable Object id) throws TorchFileException {
    if (!(id instanceof Tuple tuple)) {
      throw file.refusal("it refers to " + Values.name(id) + " outside of its pickle");
    }
    return persistentIds.load(tuple);
  }
}
