module {
  description: "Orders -> each customer's count of orders and total, the largest first",
  args: {currency: null}
};
import "lib/number" as number;

# Input: {"orders": [{"customer", "currency", "lines": [{"price", "quantity"}]}]}
# $currency: only orders in it; null: all.

def total: [.lines[] | .price * .quantity] | add // 0;

.orders
| map(select($currency == null or .currency == $currency))
| group_by(.customer)
| map({customer: .[0].customer, orders: length, total: (map(total) | add | number::rounded(2))})
| sort_by(-.total, .customer)
